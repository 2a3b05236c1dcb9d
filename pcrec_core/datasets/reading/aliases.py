"""Names of columns that are recognised as user, item and time."""

from __future__ import annotations

import re
from collections.abc import Sequence

ROLES = ("user", "item", "time")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Names of columns by what they hold, in lower case, without blanks and punctuation.
ALIASES = {
    "user": _words(
        "user userid uid username visitorid reviewerid customerid memberid personid profileid"
        " sessionid session steamid userkey"
    ),
    "item": _words(
        "item itemid iid movieid asin parentasin businessid productid isbn bookid songid trackid"
        " artistid newsid articleid appid gameid videoid sku placeid venueid"
    ),
    "time": _words("time timestamp ts datetime date unixreviewtime unixtime eventtime createdat"),
}
#: Names of columns that hold numbers other than times.
OTHERS = _words(
    "rating ratings score stars star overall label value weight price quantity count plays hours"
    " useful funny cool bookrating helpful votes transactionid index"
)
_TYPE = re.compile(r":(token|float|token_seq|float_seq)$")


def folded(name: str) -> str:
    """Return a name as aliases are compared: ``user_id:token`` and `` User-ID`` are ``userid``."""
    return re.sub(r"[\W_]+", "", _TYPE.sub("", name.strip()).casefold())


def roles(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the names that each role can mean; the role's own name excludes the others."""
    found = {}
    for role in ROLES:
        matching = [name for name in names if folded(name) in ALIASES[role]]
        own = [name for name in matching if folded(name) == role]
        found[role] = own or matching
    return found


def recognised(names: Sequence[str]) -> bool:
    """Return whether a user and an item are among the names."""
    found = roles(names)
    return bool(found["user"] and found["item"])
