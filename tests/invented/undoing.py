"""The cures of F57 to F73, each as a patch that takes it out again."""

from __future__ import annotations

from tests.fakes.undone import Change, Undone

UNDONE: tuple[Undone, ...] = (
    Undone(
        "F57",
        "takes a first page that is smaller than asked for to be followed at the size asked for",
        (
            Change(
                "api/pagination/by_number.py",
                "return records if is_capped else limit",
                "return limit",
            ),
            Change("api/pagination/by_number.py", "if records in {0, limit} or is_last:", "if True:"),
        ),
    ),
    Undone(
        "F58",
        "takes a first page that leads nowhere, by what is described, for all there is",
        (
            Change(
                "api/proof.py",
                "return self._end_of_single(page, request)",
                'return ("marker", "nothing leads on")',
            ),
        ),
    ),
    Undone(
        "F59",
        "takes one refusal for the end",
        (
            Change(
                "api/numbered_walk.py",
                "if again is None or not again.records:\n                is_empty",
                "if True:\n                is_empty",
            ),
            Change(
                "api/numbered_walk.py",
                "if further is not None and further.records and not",
                "if further is not None and not further and not",
            ),
            Change(
                "api/proof.py",
                'if (is_asked_last or (reading.has_grown and by != "total")) and self._leads_further():',
                "if False:",
            ),
            Change(
                "api/proof.py",
                "is_empty_behind = walk.is_empty_behind or not self._ledger.records",
                "is_empty_behind = True",
            ),
        ),
    ),
    Undone(
        "F60",
        "takes one page without a way on for the last",
        (
            Change(
                "api/followed_walk.py",
                "        if again is None:\n            return None\n        if len",
                "        if True:\n            return None\n        if len",
            ),
            Change("api/proof.py", "raise self._ledger.led_further(entry.number)", "pass"),
        ),
    ),
    Undone(
        "F61",
        "begins with the number that is described, whatever comes before it",
        (
            Change(
                "api/proof.py",
                "if request is None or first is None:\n            return",
                "if True:\n            return",
            ),
        ),
    ),
    Undone(
        "F62",
        "takes a page that says that another follows, and names none, for the last",
        (
            Change("api/pagination/strategy.py", "if ends is False and following is None:", "if False:"),
            Change(
                "api/followed_walk.py",
                "        if again is None:\n            return None\n        if len",
                "        if True:\n            return None\n        if len",
            ),
            Change("api/proof.py", "raise self._ledger.led_further(entry.number)", "pass"),
        ),
    ),
    Undone(
        "F63",
        "says nothing of errors beside the records, and looks at no page again",
        (
            Change(
                "api/page.py",
                "if not isinstance(answer, dict):\n        return None\n    found = _error_name",
                "if True:\n        return None\n    found = _error_name",
            ),
            Change("api/proof.py", 'if self._look_back == "none":', "if True:"),
        ),
    ),
    Undone(
        "F64",
        "takes one short page for a whole one, where pages are counted",
        (
            Change(
                "api/numbered_walk.py",
                "if self._strategy.counts_records or is_last_by_total or not is_short:",
                "if True:",
            ),
            Change(
                "api/proof.py",
                "is_as_long = len(page.records) == entry.records",
                "is_as_long = True",
            ),
        ),
    ),
    Undone(
        "F65",
        "takes the last page that is counted for the last, full as it is",
        (
            Change(
                "api/proof.py",
                "is_empty_behind = walk.is_empty_behind or not self._ledger.records",
                "is_empty_behind = True",
            ),
            Change("api/numbered_walk.py", "(not is_counted and self._last_size >= self._largest)", "False"),
            Change(
                "api/proof.py",
                'if (is_asked_last or (reading.has_grown and by != "total")) and self._leads_further():',
                "if False:",
            ),
        ),
    ),
    Undone(
        "F66",
        "takes no page that was read to have changed",
        (
            Change(
                "api/proof.py",
                "if page is not None and is_same:",
                "if page is not None:",
            ),
        ),
    ),
    Undone(
        "F67",
        "looks at no page again",
        (Change("api/proof.py", 'if self._look_back == "none":', "if True:"),),
    ),
    Undone(
        "F68",
        "looks at the first page again, and at no other",
        (
            Change("api/proof.py", "in self._sample.pick(most)}", "in self._sample.pick(most)[:1]}"),
            Change(
                "api/proof.py",
                "for entry in {**picked, **self._reading.repeated}.values():",
                "for entry in picked.values():",
            ),
        ),
    ),
    Undone(
        "F69",
        "takes what comes for a place that was written down, and looks at the last page again alone",
        (
            Change(
                "api/followed_walk.py",
                "request = None if before is None or self._next is None else self.request_of(before)",
                "request = None",
            ),
            Change(
                "api/proof.py",
                "for before, entry in self._reading.alike:",
                "for before, entry in ():",
            ),
            Change("api/proof.py", "in self._sample.pick(most)}", "in self._sample.pick(most)[-1:]}"),
            Change(
                "api/proof.py",
                "for entry in {**picked, **self._reading.repeated}.values():",
                "for entry in picked.values():",
            ),
        ),
    ),
    Undone(
        "F72",
        "commits a part that was cut or changed since it was sealed",
        (Change("runs/dataset.py", "self._check_parts(gathered.kept)", "pass"),),
    ),
    Undone(
        "F73",
        "takes a file of keys as it lies there",
        (Change("runs/dataset.py", "if self.journal.keys_key(sequence, hashes) != key:", "if False:"),),
    ),
)
"""Every cure that is taken out. A cure that is rewritten is rewritten here too."""

CURED = (
    "F57",
    "F58",
    "F59",
    "F60",
    "F61",
    "F62",
    "F63",
    "F64",
    "F65",
    "F66",
    "F67",
    "F68",
    "F69",
    "F72",
    "F73",
)
"""The faults whose cures have to be seen missing."""
