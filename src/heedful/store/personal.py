"""E-mail addresses, phone and card numbers in what people wrote, and texts without them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from heedful.store.raw import BadRows

if TYPE_CHECKING:
    import duckdb

MAIL, PHONE, CARD = "[e-mail]", "[phone]", "[card]"

CANDIDATE = r"[^\s@]@[^\s@]|\d(?:[ \x{a0}\t./()-]{0,3}\d){6}"
"""What a text must hold to be looked at closely; in RE2's syntax, which takes linear time."""

_MAIL = re.compile(
    r"(?<![\w.+%'-])[\w.+%'-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])"
)
_RUN = re.compile(r"(?<![\w@#/=\]])(?<![^\W\d]-)(?:\+|\()?\d[\d \u00a0\t./()\-\u2010-\u2013]{5,60}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")
_DIGITS = re.compile(r"\D")
_MONEY_BEFORE = re.compile(r"(?:[€$£¥]|\b(?:EUR|USD|GBP|CHF|SEK|NOK|DKK))\s?$")
_MONEY_AFTER = re.compile(r"^\s?(?:[€$£¥%]|(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|euros?|dollars?)\b)")
_NAMED = re.compile(
    r"(?<!\w)(?:"
    r"order|orders|ticket|case|invoice|number|no|nr|ref|reference|id|tracking|parcel|article|"
    r"sku|serial|version|v|bestell\w*|rechnung\w*|auftrag\w*|kunden\w*|vorgang\w*|sendung\w*|"
    r"commande|facture|factuur|pedido)\.?\s*(?:number|no|nr|id)?\.?\s*[:#]?\s*$",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"(?<![\w\[])(?:"
    r"phones?|tel|telephone|telefon\w*|mobile|mobil|cell|call|callback|reach|ring|text|fax|"
    r"whatsapp|handy\w*|ruf\w*|nummer|bel)\b[^\d\n\[]{0,24}$",
    re.IGNORECASE,
)
_MORE = re.compile(r"[\w@]|:\d")
_DATE = re.compile(
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2}))(?:\b|$)"
)
_TIMES = re.compile(r"^[\d\s.:/-]*\d{1,2}:\d\d")
_NATIONAL = re.compile(
    r"^\(?0\d{1,5}\)?[ \u00a0/.\-\u2010-\u2013]{0,3}\d[\d \u00a0/.\-\u2010-\u2013]*$"
)
_AMERICAN = re.compile(r"^(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}$")
# Who issues cards, and how many digits these have.
_ISSUERS = (
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"3(?:0[0-5]|[689])"), {14, 16}),
    (re.compile(r"6(?:011|5|4[4-9])|62|35(?:2[89]|[3-8]\d)"), {16, 17, 18, 19}),
    (re.compile(r"50|5[6-9]|6[0378]"), {16, 18, 19}),
)


def masked(text: str) -> str:
    """A text with a word in the place of each e-mail address, phone number and card number.

    A phone number is one that begins with a country (+31, 0031), one that begins with 0 and is
    written as phone numbers are, one of North America, or one that a word such as phone stands
    before. A card number has an issuer and a right check digit (Luhn, ISO/IEC 7812-1). Dates,
    times, prices, versions, order numbers and IBANs stay.

    >>> masked("Write to robin@mail.example or call +31 6 1234 5678, order 10023456 of 2026-03-12.")
    'Write to [e-mail] or call [phone], order 10023456 of 2026-03-12.'
    >>> masked("My card 4111 1111 1111 1111 was charged 1.299,00 EUR twice")
    'My card [card] was charged 1.299,00 EUR twice'
    """
    return found(text)[0]


def found(text: str) -> tuple[str, int, int, int]:
    """As `masked`, and how many e-mail addresses, phone numbers and card numbers there were."""
    phones = cards = 0
    text, mails = _mails(text)
    runs = list(_RUN.finditer(text))
    if not runs:
        return text, mails, 0, 0
    ibans = [one for each in _IBAN.finditer(text) if (one := _iban_span(each))]
    parts, at = [], 0
    for run in runs:
        start = run.start()
        if any(begin < run.end() and start < end for begin, end in ibans):
            continue
        shown = run[0].rstrip(" \u00a0\t./(-\u2010\u2011\u2012\u2013")
        if shown.count(")") > shown.count("("):
            shown = shown.rstrip(")")
        end = start + len(shown)
        if _MORE.match(text, end):
            continue
        kind = _kind(text, start, shown)
        if kind is None:
            continue
        parts += [text[at:start], kind]
        at = end
        cards += kind == CARD
        phones += kind == PHONE
    parts.append(text[at:])
    text, more = _mails("".join(parts))
    return text, mails + more, phones, cards


def _mails(text: str) -> tuple[str, int]:
    """A text without addresses, also without those glued to the end of one."""
    count = 0
    while "@" in text:
        text, more = _MAIL.subn(MAIL, text)
        count += more
        if not more:
            break
    return text, count


def _kind(text: str, start: int, shown: str) -> str | None:
    digits = _DIGITS.sub("", shown)
    if 13 <= len(digits) <= 19 and not re.search(r"[./()]", shown) and card(digits):
        return CARD
    before, after = text[max(0, start - 40) : start], text[start + len(shown) :][:8]
    if _MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after):
        return None
    return PHONE if _phone(shown, digits, before) else None


def _phone(shown: str, digits: str, before: str) -> bool:
    if not 7 <= len(digits) <= 15 or _DATE.search(shown) or _TIMES.match(shown):
        return False
    if shown.count("(") > 1 or re.search(r"[.\-/]{2}| {3}", shown):
        return False
    if shown.startswith("+") or (digits.startswith("00") and digits[2] != "0" and len(digits) > 9):
        return True
    if _NAMED.search(before):
        return False
    if _CALLED.search(before):
        return True
    if _AMERICAN.match(shown):
        return True
    if digits.startswith("0") and 9 <= len(digits) <= 12 and _NATIONAL.match(shown):
        # Bare digits with zeros in front are more often a number of something.
        return digits[1] != "0" and (len(digits) <= 11 or not shown.isdecimal())
    return False


def card(digits: str) -> bool:
    """Whether digits can be the number of a card: an issuer's, of its length, by Luhn's check.

    >>> card("4111111111111111"), card("4111111111111112"), card("1234567812345670")
    (True, False, False)
    """
    if not any(issuer.match(digits) and len(digits) in sizes for issuer, sizes in _ISSUERS):
        return False
    if len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban(text: str) -> bool:
    """Whether a text is an IBAN: its check is 1 modulo 97 (ISO 13616-1).

    >>> iban("DE89 3704 0044 0532 0130 00"), iban("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _iban_span(found: re.Match[str]) -> tuple[int, int] | None:
    """Where an IBAN stands, which words in capitals may follow."""
    text = found[0]
    while text:
        if iban(text):
            return found.start(), found.start() + len(text)
        text = text.rpartition(" ")[0]
    return None


def _masked_json(text: str) -> str:
    """The values of a rejected row, each masked by itself."""
    try:
        given = json.loads(text)
    except ValueError:
        return masked(text)
    new = _walk(given)
    if new == given:
        return text
    tight = text.startswith("{")
    return json.dumps(new, ensure_ascii=False, separators=(",", ":") if tight else None)


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _walk(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_walk(each) for each in value]
    return masked(value) if isinstance(value, str) else value


class Masking:
    """Masks texts in an import's SQL, and counts what it masked."""

    def __init__(self) -> None:
        self.mails = self.phones = self.cards = 0
        self._before = (0, 0, 0)

    def keep(self) -> None:
        """What was counted so far counts."""
        self._before = (self.mails, self.phones, self.cards)

    def restart(self) -> None:
        """A file is read again from its beginning."""
        self.mails, self.phones, self.cards = self._before

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the function known to a connection."""
        from duckdb.sqltypes import VARCHAR

        def masks(texts: Any) -> Any:
            # DuckDB evaluates annotations, so that they can name nothing that is imported late.
            import pyarrow as pa

            return pa.array([self._one(text) for text in texts.to_pylist()], pa.string())

        kind: Any = "arrow"
        connection.create_function("masked_text", masks, [VARCHAR], VARCHAR, type=kind)

    def _one(self, text: str | None) -> str | None:
        if text is None:
            return None
        new, mails, phones, cards = found(text)
        self.mails += mails
        self.phones += phones
        self.cards += cards
        return new

    @staticmethod
    def sql(text: str, *, words: bool = False) -> str:
        """SQL of a text masked; only candidates leave the engine.

        Args:
            text: SQL of the text.
            words: Leave alone what has neither a blank nor an @, such as codes and numbers of
                things.
        """
        where = f"regexp_matches({text}, '{CANDIDATE}')"
        if words:
            where += f" AND regexp_matches({text}, '[\\s@]')"
        return f"CASE WHEN {where} THEN masked_text({text}) ELSE {text} END"

    def bad(self, rows: BadRows) -> BadRows:
        """Rejected rows with their values and reasons masked."""
        if not len(rows):
            return rows
        kept = BadRows(rows.path.with_name("masked.parquet"))
        for row in rows:
            kept.add(row._replace(values=_masked_json(row.values), reason=masked(row.reason)))
        kept.close()
        return kept

    def notes(self) -> list[str]:
        """What to tell about it."""
        counts = (
            (self.mails, "e-mail address", "e-mail addresses"),
            (self.phones, "phone number", "phone numbers"),
            (self.cards, "card number", "card numbers"),
        )
        said = [f"{n:,} {one if n == 1 else many}" for n, one, many in counts if n]
        return [f"masked in texts: {', '.join(said)} (personal: keep would keep them)"] * bool(said)
