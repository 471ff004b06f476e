"""Binance: trades of an account, signed (HMAC-SHA256 of the query); candles, a list of lists, open to all.

developers.binance.com/docs/binance-spot-api-docs/rest-api: limit up to 1,000; fromId is the last id + 1,
startTime lies behind the last open time; 429 and then 418 (a ban), both with Retry-After; unknown parameters
are 400 -1104.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, text_answer

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request

KEY, SECRET = "mimic-api-key", "mimic-secret"
CANDLE = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "trades",
    "taker_base",
    "taker_quote",
    "ignored",
)
BEGINS, HOUR = 1700000000000, 3600000


class Binance(Mimic):
    name = "binance"
    hosts: ClassVar = {"api.binance.com": ""}
    parameters: ClassVar = {"symbol": "BTCUSDT"}
    secrets: ClassVar = {"api_key": KEY, "api_secret": SECRET}
    resources = ("trades", "candles")
    maximum = 1000

    def make(self) -> list[Record]:
        return [
            {
                "symbol": "BTCUSDT",
                "id": 28457 + n * 3,
                "orderId": 100234 + n,
                "price": f"{40000 + n}.01000000",
                "qty": "0.00012000",
                "time": BEGINS + n * HOUR,
                "isBuyer": n % 2 == 0,
            }
            for n in self.numbers()
        ]

    def candles(self) -> list[list[object]]:
        return [
            [
                BEGINS + n * HOUR,
                f"{40000 + n}.0",
                f"{40010 + n}.0",
                f"{39990 + n}.0",
                f"{40005 + n}.0",
                "12.5",
                BEGINS + n * HOUR + HOUR - 1,
                "500000.0",
                n,
                "6.0",
                "250000.0",
                "0",
            ]
            for n in self.numbers()
        ]

    def expected(self, resource: str) -> list[Record]:
        if resource == "trades":
            return super().expected(resource)
        return [dict(zip(CANDLE, candle, strict=True)) for candle in self.candles()]

    def answer(self, request: Request) -> Answer:
        if request.path not in {"/api/v3/klines", "/api/v3/myTrades"}:
            return text_answer(404, "<html><body><h2>404 Not found</h2></body></html>", "text/html")
        if self.is_third():
            banned = f"Way too many requests; IP banned until {int(self.clock.now() * 1000) + 5000}."
            return json_answer(418, {"code": -1003, "msg": banned}, Retry_After=5)
        return self._candles(request) if request.path == "/api/v3/klines" else self._trades(request)

    def _candles(self, request: Request) -> Answer:
        if set(request.query) - {"symbol", "interval", "startTime", "endTime", "timeZone", "limit"}:
            return _fail(400, -1104, "Not all sent parameters were read")
        if not request.query.get("symbol") or request.query.get("interval") != "1h":
            return _fail(400, -1102, "Mandatory parameter was not sent, was empty/null, or malformed.")
        limit = min(request.number("limit", 500) or 500, 1000)
        start, end = request.number("startTime", 0) or 0, request.number("endTime", 2**60) or 2**60
        rows = [candle for candle in self.candles() if start <= int(str(candle[0])) <= end]
        return json_answer(200, rows[:limit], X_MBX_USED_WEIGHT_1M=12)

    def _trades(self, request: Request) -> Answer:
        if request.headers.get("x-mbx-apikey") != KEY:
            return _fail(401, -2015, "Invalid API-key, IP, or permissions for action.")
        signed, _, rest = request.raw_query.partition("&signature=")
        if hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest() != rest:
            return _fail(400, -1022, "Signature for this request is not valid.")
        late = abs((request.number("timestamp", 0) or 0) - self.clock.now() * 1000)
        if late > (request.number("recvWindow", 5000) or 5000):
            return _fail(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        limit, start = min(request.number("limit", 500) or 500, 1000), request.number("fromId", 0) or 0
        rows = [trade for trade in self.rows if trade["id"] >= start]
        return json_answer(200, rows[:limit], X_MBX_USED_WEIGHT_1M=12)


def _fail(status: int, code: int, message: str) -> Answer:
    return json_answer(status, {"code": code, "msg": message})
