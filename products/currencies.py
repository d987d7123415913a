"""The currencies that a price may be in."""

from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# The alphabetic codes of ISO 4217, without metals and test codes.
CURRENCIES: Final = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
    GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
    LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - readable
)


def check_default_currency() -> None:
    """Raises `ImproperlyConfigured` if DEFAULT_CURRENCY is not a code of ISO 4217."""
    if settings.DEFAULT_CURRENCY not in CURRENCIES:
        raise ImproperlyConfigured(
            f"DEFAULT_CURRENCY must be a code of ISO 4217 in capitals, such as USD; it is {settings.DEFAULT_CURRENCY}."
        )
