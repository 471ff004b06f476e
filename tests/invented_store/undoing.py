"""The cures of F43 to F75, each as a patch that takes it out again."""

from __future__ import annotations

from tests.fakes.undone import Change, Undone

UNDONE: tuple[Undone, ...] = (
    Undone(
        "F43",
        "writes a record over another process's",
        (
            Change(
                "runs/journal.py",
                "body, content_type=_JSON, if_none_match=True)",
                "body, content_type=_JSON)",
            ),
        ),
    ),
    Undone(
        "F44",
        "does not ask again when it is told to slow down",
        (Change("storage/clients/sessions.py", "TOTAL_ATTEMPTS: Final = 6", "TOTAL_ATTEMPTS: Final = 1"),),
    ),
    Undone(
        "F46",
        "takes a write that was refused for its own, whatever is there",
        (
            Change(
                "storage/clients/base_s3_client.py",
                "if stored and stored.size == content.size and self._checksum_of(stored) == content.sha256:",
                "if stored:",
            ),
        ),
    ),
    Undone(
        "F48",
        "commits over another run's commit",
        (
            Change(
                "storage/datasets/commits.py",
                "body, content_type=CONTENT_TYPE, if_none_match=True",
                "body, content_type=CONTENT_TYPE",
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
    Undone(
        "F74",
        "reads whatever lies among the records of a run",
        (
            Change(
                "runs/journal.py",
                "parts = [\n"
                "            self._part(folder, number)\n"
                "            for folder in sorted(furthest)\n"
                "            for number in range(1, furthest[folder] + 1)\n"
                "        ]",
                "below = self._store.list_objects(self._bucket, f'{self.folder}part-')\n"
                "        parts = [self._documents.get(info.key, SealedPart) for info in below]",
            ),
        ),
    ),
    Undone(
        "F75",
        "cleans away what a run that is alive has written",
        (
            Change(
                "storage/datasets/leftovers.py",
                "alive = [(run, dataset) for run, dataset in young if (dataset, run.id) not in complete]",
                "alive = young[:0]",
            ),
            Change("runs/dataset.py", "        refuse_while_cleaning(", "        (lambda *_, **__: None)("),
        ),
    ),
)
"""Every cure that is taken out. A cure that is rewritten is rewritten here too."""
