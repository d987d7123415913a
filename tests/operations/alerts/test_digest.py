"""An outage is one opening and one end; what happens at once is one message, and nobody is flooded."""

from datetime import timedelta

from pms_backend.operations.alerts.digest import MESSAGES_AN_HOUR, Digest
from pms_backend.operations.alerts.tracker import TrackedAlert
from tests.operations.alerts.timeline import DOWN, Timeline, at, failing, fine


def alert(name: str, subject: str = "", seconds: float = 0) -> TrackedAlert:
    return TrackedAlert((name, subject), DOWN, began_at=at(seconds), is_open=True)


def test_an_outage_is_told_once_and_its_end_once():
    timeline = Timeline()

    timeline.run(failing("storage"), until=300)
    timeline.run(fine("storage"), until=600)

    assert timeline.lines() == [(8, ["storage"], []), (316, [], ["storage"])]


def test_what_opens_within_seconds_is_one_message():
    timeline = Timeline()

    timeline.run(failing("storage"), until=4)
    timeline.run({**failing("storage"), **failing("worker"), **failing("relay")}, until=60)
    timeline.run({**fine("storage"), **fine("worker"), **fine("relay")}, until=120)

    assert timeline.lines() == [(8, ["storage", "worker", "relay"], []), (76, [], ["storage", "worker", "relay"])]


def told_thrice() -> Timeline:
    """An alert that has been told three times within three minutes, and is over."""
    timeline = Timeline()
    for start in (0, 60, 120):
        timeline.run(failing("storage"), until=start + 30)
        timeline.run(fine("storage"), until=start + 60)
    assert timeline.lines() == [
        line for start in (0, 60, 120) for line in ((start + 8, ["storage"], []), (start + 46, [], ["storage"]))
    ]
    timeline.told.clear()
    return timeline


def test_an_alert_that_comes_back_a_fourth_time_is_told_after_ten_minutes_with_the_number_of_times():
    timeline = told_thrice()

    for start in (180, 240):
        timeline.run(failing("storage"), until=start + 30)
        timeline.run(fine("storage"), until=start + 60)
    timeline.run(failing("storage"), until=900)
    timeline.run(fine("storage"), until=960)

    assert timeline.lines() == [(612, ["storage x3"], []), (916, [], ["storage"])]


def test_one_that_came_back_and_is_over_is_told_without_another_end():
    timeline = told_thrice()

    timeline.run(failing("storage"), until=210)
    timeline.run(fine("storage"), until=1200)

    assert timeline.lines() == [(612, ["storage x1"], [])]
    assert timeline.told[-1][1].openings[0].alert.resolved_at == at(212)


def silent() -> tuple[Digest, list[TrackedAlert]]:
    """A digest that sends nothing until 3605, and the alerts that it has told."""
    digest = Digest()
    told = [alert("dead_pms_events", str(number)) for number in range(MESSAGES_AN_HOUR + 1)]
    messages = []
    for number, one in enumerate(told):
        digest.add(one, at(10 * number))
        messages.append(digest.due(at(10 * number + 5)))
    assert [message and message.silent_until for message in messages] == [None] * MESSAGES_AN_HOUR + [at(3605)]
    return digest, told


def test_after_many_messages_in_an_hour_what_is_still_open_then_and_what_is_over_are_told_after_it():
    digest, told = silent()
    still, over = alert("database"), alert("storage")
    for one in (still, over):
        digest.add(one, at(1000))
    assert digest.due(at(1005)) is None
    for one in (told[0], over):
        one.resolved_at = at(1010)
        digest.add(one, at(1020))

    assert [digest.due(at(seconds)) for seconds in (1030, 3604)] == [None, None]
    message = digest.due(at(3606))

    assert message is not None
    assert [opening.alert.key[0] for opening in message.openings] == ["database"]
    assert (still.told_at, over.told_at) == (at(3606), None)
    assert (message.resolved, message.silent_until) == ([told[0]], at(15) + timedelta(hours=1))


def test_what_opened_and_ended_while_nothing_was_sent_is_not_told():
    digest, _ = silent()
    over = alert("storage")
    digest.add(over, at(1000))
    over.resolved_at = at(1010)
    digest.add(over, at(1020))

    assert [digest.due(at(seconds)) for seconds in (1030, 3606)] == [None, None]


def test_what_was_left_out_is_not_said_to_be_over():
    digest = Digest()
    untold = alert("storage")
    untold.resolved_at = at(5)

    digest.add(untold, at(15))

    assert digest.due(at(60)) is None


def test_what_it_has_told_itself_counts_once_when_the_rows_are_read():
    digest = Digest()
    for seconds in (0, 20):
        digest.add(alert("storage"), at(seconds))
        assert digest.due(at(seconds + 5))

    digest.take_up({("storage", ""): [at(5), at(25)]})
    digest.add(alert("storage"), at(40))

    assert digest.due(at(45))


def test_what_a_process_before_has_told_is_not_told_again():
    digest = Digest()
    digest.take_up({("storage", ""): [at(-60), at(-40), at(-20)]})

    digest.add(alert("storage"), at(0))

    assert digest.due(at(10)) is None
    message = digest.due(at(540)) or digest.due(at(543))
    assert message is not None
    assert [(o.alert.key[0], o.repeated) for o in message.openings] == [("storage", 1)]
