"""An outage is one opening and one end; what happens at once is one message, and nobody is flooded."""

from datetime import timedelta

from pms_backend.operations.alerts.digest import MESSAGES_AN_HOUR, Digest
from pms_backend.operations.alerts.tracker import TrackedAlert
from tests.operations.alerts.timeline import DOWN, Timeline, at, failing, fine


def alert(name: str, subject: str = "", seconds: float = 0) -> TrackedAlert:
    return TrackedAlert((name, subject), DOWN, began_at=at(seconds), is_open=True)


def test_an_outage_is_told_once_and_its_end_once():
    timeline = Timeline()

    timeline.run(failing("redis"), until=300)
    timeline.run(fine("redis"), until=600)

    assert timeline.lines() == [(8, ["redis"], []), (316, [], ["redis"])]


def test_what_opens_within_seconds_is_one_message():
    timeline = Timeline()

    timeline.run(failing("redis"), until=4)
    timeline.run({**failing("redis"), **failing("worker"), **failing("relay")}, until=60)
    timeline.run({**fine("redis"), **fine("worker"), **fine("relay")}, until=120)

    assert timeline.lines() == [(8, ["redis", "worker", "relay"], []), (76, [], ["redis", "worker", "relay"])]


def told_thrice() -> Timeline:
    """An alert that has been told three times within three minutes, and is over."""
    timeline = Timeline()
    for start in (0, 60, 120):
        timeline.run(failing("redis"), until=start + 30)
        timeline.run(fine("redis"), until=start + 60)
    assert timeline.lines() == [
        line for start in (0, 60, 120) for line in ((start + 8, ["redis"], []), (start + 46, [], ["redis"]))
    ]
    timeline.told.clear()
    return timeline


def test_an_alert_that_comes_back_a_fourth_time_is_told_after_ten_minutes_with_the_number_of_times():
    timeline = told_thrice()

    for start in (180, 240):
        timeline.run(failing("redis"), until=start + 30)
        timeline.run(fine("redis"), until=start + 60)
    timeline.run(failing("redis"), until=900)
    timeline.run(fine("redis"), until=960)

    assert timeline.lines() == [(612, ["redis x3"], []), (916, [], ["redis"])]


def test_one_that_came_back_and_is_over_is_told_without_another_end():
    timeline = told_thrice()

    timeline.run(failing("redis"), until=210)
    timeline.run(fine("redis"), until=1200)

    assert timeline.lines() == [(612, ["redis x1"], [])]
    assert timeline.told[-1][1].openings[0].alert.resolved_at == at(212)


def test_after_many_messages_in_an_hour_one_says_that_the_rest_is_in_the_admin():
    digest = Digest()
    messages = []

    for number in range(MESSAGES_AN_HOUR + 5):
        digest.add(alert("dead_pms_events", str(number)), at(10 * number))
        messages.append(digest.due(at(10 * number + 5)))

    sent = [message for message in messages if message]
    assert len(sent) == MESSAGES_AN_HOUR + 1
    assert [message.silent_until for message in sent] == [None] * MESSAGES_AN_HOUR + [at(5) + timedelta(hours=1)]


def test_the_end_of_what_was_told_waits_for_the_next_message_that_may_be_sent():
    digest = Digest()
    told = [alert("dead_pms_events", str(number)) for number in range(MESSAGES_AN_HOUR + 1)]
    for number, one in enumerate(told):
        digest.add(one, at(10 * number))
        assert digest.due(at(10 * number + 5))
    digest.add(alert("dead_pms_events", "left out"), at(1000))
    assert digest.due(at(1005)) is None

    told[0].resolved_at = at(1010)
    digest.add(told[0], at(1020))

    assert digest.due(at(1030)) is None
    message = digest.due(at(3606))
    assert message is not None
    assert (message.openings, message.resolved, message.silent_until) == ([], [told[0]], at(15) + timedelta(hours=1))


def test_what_was_left_out_is_not_said_to_be_over():
    digest = Digest()
    untold = alert("redis")
    untold.resolved_at = at(5)

    digest.add(untold, at(15))

    assert digest.due(at(60)) is None


def test_what_a_process_before_has_told_is_not_told_again():
    digest = Digest()
    digest.take_up({("redis", ""): [at(-60), at(-40), at(-20)]})

    digest.add(alert("redis"), at(0))

    assert digest.due(at(10)) is None
    message = digest.due(at(540)) or digest.due(at(543))
    assert message is not None
    assert [(o.alert.key[0], o.repeated) for o in message.openings] == [("redis", 1)]
