"""Holds a function against faults: each of its calls meets each of them, and afterwards everything must be in order."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cryptography import x509
from place import RETRY_LATER, Outcome, Place, State, certificate_of, digest, octets

READING = {
    ("dynamodb", "BatchGetItem"),
    ("dynamodb", "GetItem"),
    ("dynamodb", "Query"),
    ("dynamodb", "Scan"),
    ("iam", "ListAccountAliases"),
    ("kms", "GenerateMac"),
    ("kms", "GetPublicKey"),
    ("s3", "GetObject"),
    ("s3", "HeadObject"),
    ("secretsmanager", "GetSecretValue"),
}
"""Calls that do nothing: of one that fails, it does not matter whether it was done."""

CONFLICTING = {("dynamodb", "PutItem"), ("dynamodb", "UpdateItem")}
"""Calls that AWS also refuses for meeting another at the same thing."""

ONCE = ("throttled", "failed-done", "slow", "lost", "unreachable", "conflict")
ALWAYS = ("failed", "lost")
"""Until nobody asks any more: nothing of it is done, or all of it, and nobody is told."""

_EVER = 10**6

SLOW = 0.2
LATE = 0.9
"""Seconds after which a slow call is done. A function of one second gives up after the half of it, so as to answer in time."""


@dataclass
class Scenario:
    """A run of a function, and what it must come to, whatever happened before it succeeded."""

    function: str
    before: State
    verify: Callable[[], None]
    event: dict = field(default_factory=dict)
    begin: Callable[[], object] = lambda: None
    """Done before each case."""
    hold: Callable[[Outcome], None] = lambda _: None
    """What must hold of the run that met the faults."""
    sweeps: bool = False
    """Whether the function is itself what takes up interrupted work."""
    at_once: bool = False
    """Whether it makes calls of one kind at the same time."""
    late: bool = False
    """Whether it also meets calls that are done when nobody waits for them any more."""


@dataclass(frozen=True)
class Case:
    """Faults of one run."""

    name: str
    faults: list[dict]
    survives: bool
    """Whether asking again is enough."""
    late: bool = False


class Faulty:
    """A deployment whose functions meet faults."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._sandbox = place.sandbox
        self._cas = {place.root: 384, place.issuing: 256}
        self._keys = {ca: place.key_arn(ca) for ca in self._cas}
        self._seen = 0
        self._numbers: dict[str, int] = {}
        self._counters: dict[str, int] = {}

    def run(self, scenario: Scenario) -> int:
        """Go through all cases of a scenario, and say how many those are."""
        calls = self._calls(scenario)
        count = 0
        for case in cases(calls, self.place.principal(scenario.function), late=scenario.late):
            try:
                self._case(scenario, case)
            except AssertionError as error:
                raise AssertionError(f"{scenario.function}: {case.name}: {error}") from error
            count += 1
        return count

    def _calls(self, scenario: Scenario) -> list[tuple[str, str]]:
        self._begin(scenario)
        self._sandbox.ask("DELETE", "calls")
        outcome = self._invoke(scenario)
        assert not outcome.error, f"{scenario.function}: {outcome}"
        calls = self.place.calls(scenario.function)
        self.check()
        scenario.verify()
        return calls

    def _case(self, scenario: Scenario, case: Case) -> None:
        self._begin(scenario)
        if case.late:
            self._limit(scenario.function, 1)
        for fault in case.faults:
            self._sandbox.ask("POST", "faults", fault)
        outcome = self._invoke(scenario)
        left = self._sandbox.ask("DELETE", "faults")
        # Calls that are made at the same time pass one another, and so some of what waits for them.
        passed = len(case.faults) // 2 if scenario.at_once else 0
        assert left <= passed or not case.survives, f"{left} faults did not strike"
        assert outcome.error in RETRY_LATER | {""}, f"{outcome}"
        assert not (case.survives and outcome.error), f"{outcome}"
        if case.late:
            # What nobody waits for any more is done after all.
            time.sleep(LATE - 0.3)
            self._limit(scenario.function, 30)
        scenario.hold(outcome)
        self.check()
        self._repeat(scenario)
        self.check()
        scenario.verify()

    def _repeat(self, scenario: Scenario) -> None:
        """What a caller, a state machine or the next day does: the same again. In between, the sweep."""
        again = self._invoke(scenario)
        assert again.error in RETRY_LATER | {""}, f"repeated: {again}"
        if self.place.age_intents() and not scenario.sweeps:
            swept = self.place.invoke("sweep")
            assert not swept.error, f"swept: {swept}"
        elif not again.error:
            return
        again = self._invoke(scenario)
        assert not again.error, f"repeated after the sweep: {again}"
        assert self.place.age_intents() == 0, "an intent is still open"

    def _begin(self, scenario: Scenario) -> None:
        self.place.restore(scenario.before)
        scenario.begin()
        self._seen = len(self._sandbox.ask("GET", "signatures"))
        self._counters = reserved_numbers(scenario.before.items(self.place.certificates))
        self._numbers = self._published_numbers(scenario.before)

    def _invoke(self, scenario: Scenario) -> Outcome:
        return self.place.invoke(scenario.function, scenario.event)

    def _limit(self, function: str, seconds: int) -> None:
        self.place.lambdas.update_function_configuration(FunctionName=self.place.name(function), Timeout=seconds)

    def check(self) -> None:
        """What must be so at any time, whatever failed."""
        state = self.place.state()
        rows, journal = state.items(self.place.certificates), state.items(self.place.journal)
        self._check_signatures(rows, journal)
        check_certificates(rows, journal)
        numbers = self._published_numbers(state)
        for name, number in self._numbers.items():
            assert numbers.get(name, -1) >= number, f"{name} went back from {number} to {numbers.get(name)}"
        self._numbers = numbers

    def _check_signatures(self, rows: dict, journal: dict) -> None:
        signatures = self._sandbox.ask("GET", "signatures")[self._seen :]
        counters = reserved_numbers(rows)
        for ca, bits in self._cas.items():
            signed = {base64.b64decode(one["message"]) for one in signatures if one["key"] == self._keys[ca]}
            known = {digest(certificate_of(row).tbs_certificate_bytes, bits) for row in rows.values()}
            known |= {digest(octets(item["Tbs"]), bits) for item in journal.values() if "Tbs" in item}
            numbers = counters.get(ca, 0) - self._counters.get(ca, 0)
            others = signed - known
            assert len(others) <= numbers, (
                f"{ca} signed {len(others)} messages that are no certificate's, and {numbers} CRL numbers were reserved"
            )

    def _published_numbers(self, state: State) -> dict[str, int]:
        numbers = {}
        for ca in self._cas:
            crl = state.published(self.place.external, f"{ca}.crl")
            if crl is not None:
                parsed = x509.load_der_x509_crl(crl)
                numbers[ca] = parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        return numbers


def reserved_numbers(rows: dict) -> dict[str, int]:
    """The CRL number that each CA has come to."""
    return {name: int(row["CRLNumber"]["N"]) for (name, _), row in rows.items() if "CRLNumber" in row}


def check_certificates(rows: dict, journal: dict) -> None:
    """Rows and completed intents are the same, and no name has two."""
    complete = {
        key.removeprefix("intent#")
        for (key, _), item in journal.items()
        if key.startswith("intent#") and item["Stage"]["S"] == "complete"
    }
    assert {serial for _, serial in rows} == complete, "a row without an intent, or an intent without its row"
    names = Counter(name for name, _ in rows)
    assert max(names.values(), default=0) <= 1, f"certificates are doubled: {names}"


def cases(calls: list[tuple[str, str]], principal: str, *, late: bool) -> Iterator[Case]:
    """Every fault of every call."""
    counted = Counter(calls)
    yield from _once(counted, principal)
    for call, times in counted.items():
        if call in READING:
            # Who gives up at one leaves what is left by who gives up at the write before it.
            fault = _fault(call, "throttled", principal, times=_EVER)
            yield Case(f"throttled from the first {' '.join(call)} on", [fault], survives=False)
        else:
            yield from _always(call, times, principal, late=late)


def _once(counted: Counter, principal: str) -> Iterator[Case]:
    """Every call is struck once, in one run for each kind: each is made again, and the run goes on."""
    for kind in ONCE:
        struck = {call: times for call, times in counted.items() if kind != "conflict" or call in CONFLICTING}
        if kind == "slow":
            faults = [_fault(call, kind, principal, times=times) for call, times in struck.items()]
        else:
            # A call that was struck is made again, and is then passed over by what waits for the next.
            faults = [_fault(call, kind, principal, skip) for call, times in struck.items() for skip in range(times)]
        if faults:
            yield Case(f"{kind} at every call once", faults, survives=True)


def _always(call: tuple[str, str], times: int, principal: str, *, late: bool) -> Iterator[Case]:
    name = " ".join(call)
    for skip in range(times):
        for kind in ALWAYS:
            fault = _fault(call, kind, principal, skip, times=_EVER)
            yield Case(f"{kind} from call {skip} of {name} on", [fault], survives=False)
        if late:
            fault = _fault(call, "slow", principal, skip, delay=LATE)
            yield Case(f"done too late at call {skip} of {name}", [fault], survives=False, late=True)


def _fault(
    call: tuple[str, str], kind: str, principal: str, skip: int = 0, times: int = 1, delay: float = SLOW
) -> dict:
    return {
        "service": call[0],
        "operation": call[1],
        "kind": kind,
        "skip": skip,
        "times": times,
        "delay": delay,
        "principal": principal,
    }
