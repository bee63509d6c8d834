"""The messages of sshd, sudo, su, PAM and account tools, as forms: a pattern and what it tells.

Groups of a pattern are fields of the event: user, ip, method, target, group, uid, command, unknown,
count. The patterns are of RE2, so a hostile line costs no more than its length.
Sources: the texts in OpenSSH, sudo, shadow, util-linux, Linux-PAM and systemd.
"""

from dataclasses import dataclass
from typing import Literal

FormStatus = Literal["succeeded", "failed"]

FROM = r"(?P<ip>\S+)(?: port (?P<port>[0-9]+))?"
NOT_KNOWN = r"(?P<unknown>(?:invalid|illegal) user )?"
PAM_SOURCE = r".*rhost=(?P<ip>\S*)(?:\s+user=(?P<user>.*?))?\s*$"
PAM_FAILURE = rf"authentication failure; {PAM_SOURCE}"
PAM_MORE = rf"^(?P<count>[0-9]{{1,4}}) more authentication failures?; {PAM_SOURCE}"
OPENED = r"session opened for user (?P<user>[^\s(]+)(?:\(uid=(?P<uid>[0-9]+)\))?"
BY = r" by (?P<by>[^\s(]*)(?:\(uid=(?P<by_uid>[0-9]+)\))?"
SUDO_REST = (
    r"(?:HOST=\S+ ; )?(?:TTY=\S+ ; )?(?:CHROOT=.*? ; )?(?:PWD=.*? ; )?(?:USER=(?P<target>\S+) ; )?"
    r"(?:GROUP=\S+ ; )?(?:TSID=\S+ ; )?(?:ENV=.*? ; )?COMMAND=(?P<command>.*)$"
)


@dataclass(frozen=True)
class MessageForm:
    """programs: whose messages these are. kind: of the execution; "": a line that is no event of
    its own, for `reason`."""

    programs: str
    pattern: str
    kind: str = ""
    status: FormStatus = "succeeded"
    reason: str = ""
    method: str = ""


SSHD = "sshd"
TOLD = "lines that repeat what another line says"
NOTICE = "notices that are no event of a person"
FORMS: tuple[MessageForm, ...] = (
    MessageForm(
        SSHD,
        rf"^Failed (?P<method>\S+) for {NOT_KNOWN}(?P<user>.*) from {FROM}(?: ssh[12]?)?(?:: .*)?$",
        "login",
        "failed",
    ),
    MessageForm(
        SSHD,
        rf"^Accepted (?P<method>\S+) for (?P<user>.*) from {FROM}(?: ssh[12]?)?(?:: .*)?$",
        "login",
    ),
    MessageForm(
        SSHD, rf"^(?:Invalid|Illegal) user (?P<user>.*) from {FROM}$", "unknown-user", "failed"
    ),
    MessageForm(
        SSHD,
        rf"maximum authentication attempts exceeded for {NOT_KNOWN}(?P<user>.*) from {FROM}",
        "login-limit",
        "failed",
    ),
    MessageForm(
        SSHD,
        r"^Disconnecting (?:authenticating|invalid) user (?P<user>.*) (?P<ip>\S+) port [0-9]+:"
        r" Too many authentication failures",
        "login-limit",
        "failed",
    ),
    MessageForm(
        SSHD,
        r"^Disconnecting: Too many authentication failures for"
        rf" {NOT_KNOWN}(?P<user>.*?)(?: \[preauth\])?$",
        "login-limit",
        "failed",
    ),
    MessageForm(
        SSHD,
        rf"^User (?P<user>.*) from {FROM} not allowed because ",
        "login-refused",
        "failed",
    ),
    MessageForm(SSHD, rf"^ROOT LOGIN REFUSED FROM {FROM}", "login-refused", "failed"),
    MessageForm(
        SSHD,
        r"^(?:Connection (?:closed|reset) by|Disconnected from) (?:authenticating|invalid) user"
        r" (?P<user>.*) (?P<ip>\S+) port [0-9]+ \[preauth\]$",
        "connection",
        "failed",
    ),
    MessageForm(
        SSHD,
        rf"^(?:fatal: |error: )?(?:Connection (?:closed|reset) by {FROM} \[preauth\]$"
        r"|Did not receive identification string from (?P<ip2>\S+)"
        r"|Bad protocol version identification .* from (?P<ip3>\S+)"
        r"|Unable to negotiate (?:with )?(?P<ip4>[0-9a-fA-F.:]+)"
        r"|banner exchange: Connection from (?P<ip5>\S+) port"
        r"|Timeout before authentication for (?:connection from )?(?P<ip6>[0-9a-fA-F.:]+)"
        r"|refused connect from .*\((?P<ip7>[0-9a-fA-F.:]+)\)"
        r"|Protocol major versions differ for (?P<ip8>[0-9a-fA-F.:]+?):?(?: |$))",
        "connection",
        "failed",
    ),
    MessageForm(SSHD, r"^(?:pam_|PAM |error: PAM: |check pass)", reason=TOLD),
    MessageForm(
        SSHD,
        r"^(?:fatal: |error: )?(?:Received disconnect|Disconnected|Disconnecting|Connection |"
        r"reverse mapping|Address |Nasty PTR|input_userauth_request|Server listening|"
        r"Received signal|"
        r"Exiting on|Starting session|Close session|subsystem request|Postponed|userauth|"
        r"Accepted key|Authentication refused|Write failed|Read from|Timeout|kex_|banner|ssh_|"
        r"Could not|Unable|Bad packet|Corrupted|no hostkey|Bind to|Set /proc|mm_|syslogin|"
        r"User child|session |Found matching|rexec|debug|Transferred|Closing|buffer_|"
        r"Connection$|Bad remote|dispatch_|Client |subsystem |beginning |drop connection|"
        r"Deprecated|Changed root|Refusing|Server key|key_read|Privilege|Did not|Bad protocol|"
        r"Protocol |channel|error|fatal|getpeername|PerSourcePenalties|srclimit|penalty|lost)",
        reason=NOTICE,
    ),
    MessageForm("sshd(pam)", rf"^{PAM_FAILURE}", "login", "failed", method="pam"),
    MessageForm("sshd(pam)", PAM_MORE, "login", "failed", method="pam"),
    MessageForm("sshd(pam)", f"^{OPENED}", "login", method="pam"),
    MessageForm("su(pam)", rf"^{OPENED}{BY}", "switch-user"),
    MessageForm(
        "su(pam)",
        r"^authentication failure; logname=(?P<by>\S*) uid=(?P<by_uid>[0-9]+) .*"
        r"user=(?P<user>\S+)\s*$",
        "switch-user",
        "failed",
    ),
    MessageForm("login(pam)|gdm(pam)|other(pam)", f"^{OPENED}", "login", method="pam"),
    MessageForm("login(pam)|gdm(pam)|other(pam)", f"^{PAM_FAILURE}", "login", "failed"),
    MessageForm("login(pam)|gdm(pam)|other(pam)", PAM_MORE, "login", "failed"),
    MessageForm(
        "sshd(pam)|su(pam)|login(pam)|gdm(pam)|other(pam)",
        r"^(?:session closed|check pass|bad username|.*more authentication|service\(|password -|"
        r"could not|auth could|account )",
        reason=NOTICE,
    ),
    MessageForm(
        "sudo",
        rf"^\s*(?P<user>\S+) : (?:[0-9]+ incorrect password attempts?|user NOT in sudoers|"
        r"command not allowed|a password is required|no tty present[^;]*|"
        rf"user NOT authorized on host|unable to [^;]*|problem [^;]*) ; {SUDO_REST}",
        "command",
        "failed",
    ),
    MessageForm("sudo", rf"^\s*(?P<user>\S+) : {SUDO_REST}", "command"),
    MessageForm("sudo", r"^(?:pam_|\s*\S+ : \(command continued\))", reason=TOLD),
    MessageForm("sudo", r".", reason=NOTICE),
    MessageForm("su", r"^Successful su for (?P<target>\S+) by (?P<user>\S+)", "switch-user"),
    MessageForm("su", r"^FAILED su for (?P<target>\S+) by (?P<user>\S+)", "switch-user", "failed"),
    MessageForm(
        "su", r"^FAILED SU \(to (?P<target>[^)]+)\) (?P<user>\S+)", "switch-user", "failed"
    ),
    MessageForm("su", r"^\(to (?P<target>[^)]+)\) (?P<user>\S+) on ", "switch-user"),
    MessageForm("su", r"^BAD SU (?P<user>\S+) to (?P<target>\S+) on", "switch-user", "failed"),
    MessageForm("su", r"^(?P<user>\S+) to (?P<target>\S+) on /dev", "switch-user"),
    MessageForm("su", r".", reason=TOLD),
    MessageForm(
        "accounts",
        r"^new user: name=(?P<target>[^,]+), UID=(?P<uid>[0-9]+)",
        "user-created",
    ),
    MessageForm("accounts", r"^failed adding user '(?P<target>[^']+)'", "user-created", "failed"),
    MessageForm("accounts", r"^new group: name=(?P<group>[^,]+)", "group-created"),
    MessageForm(
        "accounts",
        r"^add '(?P<target>[^']+)' to group '(?P<group>[^']+)'",
        "group-changed",
    ),
    MessageForm(
        "accounts",
        r"^user (?P<target>\S+) added by (?P<user>\S+) to group (?P<group>\S+)",
        "group-changed",
    ),
    MessageForm("accounts", r"^delete user '(?P<target>[^']+)'", "user-deleted"),
    MessageForm("accounts", r"^change user '(?P<target>[^']+)'", "user-changed"),
    MessageForm(
        "accounts",
        r"password changed for (?P<target>\S+)",
        "password-changed",
    ),
    MessageForm("accounts", r".", reason=TOLD),
    MessageForm("logind", r"^New session \S+ of user (?P<user>\S+?)\.?$", "session"),
    MessageForm("logind", r".", reason=NOTICE),
    MessageForm(
        "login",
        r"^FAILED LOGIN .*?(?:FROM (?P<ip>\S+) )?FOR '?(?P<user>[^',]*)'?,",
        "login",
        "failed",
    ),
    MessageForm("login", r"^LOGIN ON \S+ BY (?P<user>\S+)(?: FROM (?P<ip>\S+))?", "login"),
    MessageForm("login", r"^ROOT LOGIN (?: ?ON \S+)?(?: FROM (?P<ip>\S+))?", "login"),
    MessageForm("login", r".", reason=TOLD),
    MessageForm("remote", r"^Authentication failed from (?P<ip>\S+)", "login", "failed"),
    MessageForm("remote", r"^(?:connection|START: \S+ .*) from=?\s*(?P<ip>\S+)", "connection"),
    MessageForm("remote", r"^FAILED LOGIN .*FROM (?P<ip>\S+)", "login", "failed"),
    MessageForm(
        "remote", r"^ANONYMOUS FTP LOGIN FROM (?P<ip>[^\s,]+)", "login", method="anonymous"
    ),
    MessageForm("remote", r".", reason=NOTICE),
    MessageForm(
        "pam",
        rf"^pam_\w+\((?P<service>[^:)]+):auth\): {PAM_FAILURE}",
        "login",
        "failed",
        method="pam",
    ),
    MessageForm("pam", rf"^pam_\w+\((?P<service>[^:)]+):session\): {OPENED}", "session"),
    MessageForm("pam", r".", reason=NOTICE),
)
# Program -> whose messages it writes; others are counted, by `OTHERS`, unless they are of PAM.
FAMILIES = {
    "sshd": SSHD,
    "sshd-session": SSHD,
    "sshd-auth": SSHD,
    "sudo": "sudo",
    "su": "su",
    "useradd": "accounts",
    "userdel": "accounts",
    "usermod": "accounts",
    "groupadd": "accounts",
    "groupmod": "accounts",
    "groupdel": "accounts",
    "gpasswd": "accounts",
    "passwd": "accounts",
    "chpasswd": "accounts",
    "chage": "accounts",
    "adduser": "accounts",
    "systemd-logind": "logind",
    "login": "login",
    "-- root": "login",
    "ftpd": "remote",
    "klogind": "remote",
    "rlogind": "remote",
    "rshd": "remote",
    "telnetd": "remote",
    "xinetd": "remote",
}
OTHERS = "lines of other programs"
# Commands whose purpose matters to rules; the command line itself is not kept.
PURPOSES: tuple[tuple[str, str], ...] = (
    (
        "stop-logging",
        r"(?:systemctl|service|rc-service|/etc/init\.d/\S+|initctl)\b.*\b(?:stop|disable|mask|kill)\b"
        r".*\b(?:auditd|rsyslogd?|syslog(?:-ng)?|systemd-journald|journald|filebeat|auditbeat|"
        r"osqueryd|fluent-?bit|wazuh\S*|falcon-sensor)\b",
    ),
    (
        "stop-logging",
        r"(?:service|rc-service)\s+(?:auditd|rsyslogd?|syslog(?:-ng)?|auditbeat)\s+stop\b"
        r"|/etc/init\.d/(?:auditd|rsyslog|syslog(?:-ng)?)\s+stop\b|auditctl\s+(?:-e\s*0|-D)\b"
        r"|(?:pkill|killall)\s.*\b(?:auditd|rsyslogd|syslogd|journald)\b|setenforce\s+0\b",
    ),
    (
        "clear-log",
        r"(?:rm|shred|truncate|unlink|wipe)\s.*/var/log/|journalctl\s.*--vacuum|history\s+-c\b"
        r"|(?:tee|cp\s+/dev/null|dd\s.*of=)\s*/var/log/",
    ),
    ("change-keys", r"authorized_keys|ssh-copy-id"),
    ("change-accounts", r"\b(?:useradd|adduser|usermod|userdel|gpasswd|visudo|passwd|chpasswd)\b"),
)
