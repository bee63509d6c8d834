from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from runlore.store.engine import Store, connect
from runlore.store.tracking import tracking_url


def schema_of(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = str(connection.scalar(text("SELECT current_schema()")))
    engine.dispose()
    return found


def test_mlflow_sees_a_schema_of_its_own_and_so_an_alembic_version_of_its_own(
    store: Store,
) -> None:
    assert schema_of(tracking_url(store)) == "mlflow"


def test_options_of_the_address_are_kept(store: Store) -> None:
    given = make_url(store.url).update_query_dict({"options": "-cwork_mem=7MB"})
    other = connect(given.render_as_string(hide_password=False))
    try:
        options = make_url(tracking_url(other)).query["options"]
    finally:
        other.engine.dispose()
    assert options == "-cwork_mem=7MB -csearch_path=mlflow"


def test_many_at_once_make_one_schema(empty: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(tracking_url, [empty] * 8))
    assert len(urls) == 1
    assert schema_of(urls.pop()) == "mlflow"
