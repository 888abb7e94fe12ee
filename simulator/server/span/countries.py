"""Which country a mobile network is in: the countries of ITU-T E.212 that our users' devices are likely to be in.

Codes for tests (001, 999) and for networks across borders (901) are no country's.
"""

from __future__ import annotations

_TABLE = """
202 GR Greece|204 NL Netherlands|206 BE Belgium|208 FR France|214 ES Spain|216 HU Hungary
218 BA Bosnia and Herzegovina|219 HR Croatia|220 RS Serbia|222 IT Italy|226 RO Romania|228 CH Switzerland
230 CZ Czechia|231 SK Slovakia|232 AT Austria|234 GB United Kingdom|235 GB United Kingdom|238 DK Denmark|240 SE Sweden
242 NO Norway|244 FI Finland|246 LT Lithuania|247 LV Latvia|248 EE Estonia|255 UA Ukraine|260 PL Poland|262 DE Germany
268 PT Portugal|270 LU Luxembourg|272 IE Ireland|274 IS Iceland|276 AL Albania|278 MT Malta|280 CY Cyprus
284 BG Bulgaria|286 TR Turkey|293 SI Slovenia|302 CA Canada|310 US United States|311 US United States
312 US United States|313 US United States|334 MX Mexico|404 IN India|405 IN India|424 AE United Arab Emirates
425 IL Israel|440 JP Japan|441 JP Japan|450 KR South Korea|454 HK Hong Kong|460 CN China|466 TW Taiwan|502 MY Malaysia
505 AU Australia|510 ID Indonesia|515 PH Philippines|520 TH Thailand|525 SG Singapore|530 NZ New Zealand|602 EG Egypt
639 KE Kenya|655 ZA South Africa|722 AR Argentina|724 BR Brazil|730 CL Chile|732 CO Colombia
"""

_COUNTRIES = {
    int(mcc): (code, name)
    for mcc, code, name in (entry.split(" ", 2) for line in _TABLE.split("\n") for entry in line.split("|") if entry)
}


def country_of(mcc: int) -> tuple[str, str]:
    """ISO 3166 code and name; both "" for what is not in the table.

    >>> country_of(242), country_of(999)
    (('NO', 'Norway'), ('', ''))
    """
    return _COUNTRIES.get(mcc, ("", ""))
