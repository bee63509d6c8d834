"""What `runlore quality` says first: may a model learn from this data, and what to do if not."""

from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion
from runlore.quality.rules.verdict import QualityVerdict


def conclude(spec: str, verdict: QualityVerdict) -> Conclusion:
    """The verdict on new data. Without rows there is nothing that could break the contract."""
    if verdict.findings:
        count = len(verdict.findings)
        more = f" (and {count - 1} more)" if count > 1 else ""
        return Conclusion(
            f"Breaks the contract: {verdict.findings[0].reason}{more}.",
            f'Mend the data, or accept it: `runlore train {spec} --accept-data "WHY"`.',
        )
    if not verdict.rows:
        return Conclusion("No new data.", NOTHING_TO_DO)
    return Conclusion(f"OK: {verdict.rows:,} rows keep the contract.", NOTHING_TO_DO)
