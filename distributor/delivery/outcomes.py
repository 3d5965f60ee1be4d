"""What a server's reply means for one copy: one table, read from the top, the first row that fits decides.

Replies enter, verdicts leave; pure. The digit alone does not tell: QQ and Tencent answer 550 for "too fast", so
code, enhanced code (RFC 3463) **and** text are read, and nobody is refused for a limit. `deferred` is also the
answer to whatever blames us rather than the reader (relay denied, client blocked, sender not ours): such a copy
is tried again and nobody is marked bad. Only `unknown_user` speaks about the mailbox itself; a `policy` refusal
speaks about our reputation or this message and must never end a subscription.

Sources, read 2026-11: the published lists of QQ (smtp.codes/qq, yimirj.com, qqmailbox.com), NetEase
(biecuoliao.com), Aliyun (aliyun123.cn, qcnsw.com, yuntunpuzi.com), Sina (blog.sina.com.cn), Coremail
(icoremail.vip), Gmail (support.google.com/a/answer/3726730) and Outlook, RFC 5321 §4.2.3, RFC 3463, RFC 4954 §6,
RFC 6647. docs/reference/outcomes.md shows the table with an example of each row.
"""

import re
from dataclasses import dataclass
from typing import Literal

from distributor.delivery.model import Accepted, Deferred, Refused, Reply

Verdict = Literal["accepted", "deferred", "refused", "server"]
"""`server`: the session itself is at fault (login, TLS), which no other recipient would change."""
Reason = Literal[
    "taken",
    "login",
    "too_fast",
    "greylisted",
    "mailbox_full",
    "unknown_user",
    "too_big",
    "not_our_relay",
    "policy",
    "other",
    "no_answer",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: fits when the code begins with one of `codes` and, if given, enhanced code or text match."""

    verdict: Verdict
    reason: Reason
    codes: tuple[str, ...]
    enhanced: tuple[str, ...] = ()
    text: re.Pattern[str] | None = None

    def fits(self, code: str, reply: Reply) -> bool:
        """Say whether this row decides about the reply."""
        if not code.startswith(self.codes):
            return False
        if not self.enhanced and self.text is None:
            return True
        return reply.enhanced in self.enhanced or bool(self.text and self.text.search(reply.text))


def _text(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_NO = ("4", "5")
RULES: tuple[Rule, ...] = (
    Rule("accepted", "taken", ("2",)),
    # Gmail and Outlook on SPF, DKIM and DMARC: their words speak of authentication and mean our DNS records.
    Rule("refused", "policy", ("5",), ("5.7.25", "5.7.26", "5.7.27", "5.7.515"), _text(r"\b(SPF|DKIM|DMARC)\b")),
    # RFC 4954 §6 and RFC 3207 §4: nothing goes through before login or TLS is mended.
    Rule("server", "login", ("530", "534", "535", "538")),
    Rule("server", "login", ("454",), ("4.7.0",), _text(r"\b(auth|tls|starttls)")),
    Rule(
        "server",
        "login",
        ("503", "550", "553", "554"),
        (),
        _text("authentication (is )?required", r"(must|need to) (authenticate|log ?in)\b", "auth(entication)? first"),
    ),
    # Before the codes are believed: QQ's 550 means a limit ("access denied": on mail to one reader), and Gmail
    # says 5.2.1, elsewhere a closed mailbox, of a reader who gets too much at once.
    Rule(
        "deferred",
        "too_fast",
        _NO,
        ("4.7.28", "5.7.28", "5.4.5"),
        _text(
            "frequency limited",
            "mailbox unavailable or access denied",
            "receiving mail (too quickly|at a rate)",
            "unusual rate",
            "sending (quota|limit)",
        ),
    ),
    Rule("refused", "unknown_user", ("5",), ("5.1.1", "5.1.3", "5.1.6", "5.1.10", "5.2.1")),
    Rule(
        "deferred",
        "mailbox_full",
        _NO,
        ("4.2.2", "5.2.2", "5.3.1"),
        _text(r"\bfull\b", "quota", "storage", "mailbox size", "space not enough", "空间不足|容量已满"),
    ),
    Rule(
        "refused",
        "too_big",
        ("5",),
        ("5.2.3", "5.3.4"),
        _text("(message|mail) ?size", "size.{0,20}(exceed|limit)", "too (big|large|long)", "too much mail data"),
    ),
    # NetEase: HL connections, MI messages, RP recipients; its SPM and SPF are policy, further down.
    Rule(
        "deferred",
        "too_fast",
        _NO,
        (),
        _text(r"\bHL:(REP|ICC|IFC|MEP|IHU)\b", r"\b(MI|RP):(DMC|SFQ|STC|CEL|CCL|DRC|QRC|RCL|TRC)\b"),
    ),
    # Aliyun says "Reject by behaviour spam" for speed and for blocks alike; only the last words differ.
    Rule("deferred", "too_fast", _NO, (), _text("(too frequently|unexpected) sending", "too (many|much|fast|quickly)")),
    Rule(
        "deferred",
        "too_fast",
        _NO,
        (),
        _text("rate.{0,12}(limit|exceed)", "limit.{0,60}(exceed|reached)", "exceeded the (rate|connection) limit"),
    ),
    Rule("deferred", "greylisted", _NO, (), _text("gr[ae]y.?list")),
    Rule("deferred", "other", ("5",), (), _text(r"\blater\b", "temporar(y|ily)", "稍后")),
    # Postfix names a refused sender or client only at RCPT (smtpd_delay_reject). 163 says "local user only", "user
    # in blacklist" and SUM of senders, IPB, SPB and WM of what it does not list; Sina's "mail address" is ours too.
    Rule(
        "deferred",
        "not_our_relay",
        _NO,
        ("5.7.54", "5.7.60", "5.7.64"),
        _text(
            "relay",
            "client host.*(rejected|blocked)",
            "sender address rejected|denies the sender|sender is unvalidated|null sender",
            "not owned by|local user only|mx only",
            "^mail (from|address) invalid|helohost error|remote ip check",
            r"(in|on) (our )?bl[ao]ck ?list|\brbl\b|black ip|banned sending ip|from this ip",
            r"\b(HL:IPB|MI:SPB|RP:FRL|DT:SUM|DT:RBL|WM:BL[IU])\b",
        ),
    ),
    Rule("deferred", "other", ("4",)),
    Rule(
        "refused",
        "unknown_user",
        ("501", "55"),
        (),
        _text(
            "(user|mailbox|recipient|account|address) (is )?(unknown|invalid|disabled|suspended)",
            "(user|mailbox|recipient|account|address).{0,30}(not|n't) (exist|found|known)",
            "(unknown|invalid|no such|unavailable) (local |mail )?(user|mailbox|recipient|account|address)",
            "does(n't| not) have an? .{0,20}account|n't exists? that user|not (a )?user of",
            "bad (recipient )?address syntax",
            "用户不存在|没有此用户|收件人不存在|用户未开通",
        ),
    ),
    Rule(
        "refused",
        "policy",
        ("5",),
        ("5.6.0", "5.7.0", "5.7.1"),
        _text("spam", "content", "attachment", "virus", "den(y|ied)", "reject", "bl[ao]ck", "(DT|MI):"),
    ),
    Rule("refused", "other", ("5",)),
)
_NO_ANSWER = Rule("deferred", "no_answer", ())


def classify(reply: Reply) -> Rule:
    """Return the row of the table that decides; a missing or unreadable answer is deferred, never refused."""
    code = "" if reply.code is None else f"{reply.code:03d}"
    return next((rule for rule in RULES if rule.fits(code, reply)), _NO_ANSWER)


def outcome_of(reply: Reply) -> Accepted | Deferred | Refused:
    """Return the outcome of a final reply about one copy; `server` counts as deferred here.

    A caller that can still end the session looks at `classify` first.
    """
    verdict = classify(reply).verdict
    if verdict == "accepted":
        return Accepted(reply=reply)
    return Refused(reply=reply) if verdict == "refused" else Deferred(reply=reply)
