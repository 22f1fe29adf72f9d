"""Losses and doubles are planted, and every one must be found: a proof that cannot fail proves nothing."""

import collections
import dataclasses
import copy

import pytest

from ledger import Outcome, Row, Write
from slack_account import SlackAccount, read_text
from verdict import Evidence, judge


def good():
    """A round in which everything held."""
    writes = [
        Write("plain", {"p1": 5}, Outcome.STORED, 1, 1),
        Write("plain", {"p2": 6}, Outcome.UNKNOWN),
        Write("plain", {"p3": 7}, Outcome.UNKNOWN),
        Write("plain", {"p4": 7}, Outcome.REFUSED),
        Write("keyed", {"k1": 1}, Outcome.STORED, 3, 3, tries=4),
        Write("batch", {"b1": 1, "b2": 2}, Outcome.STORED, 4, 5),
        Write("batch", {"b3": 1, "b4": 2}, Outcome.BUSY),
        Write("batch", {"b5": 1, "b6": 2}, Outcome.UNKNOWN),
    ]
    table = [Row(1, "p1", 5), Row(2, "p2", 6), Row(3, "k1", 1), Row(4, "b1", 1), Row(5, "b2", 2)]
    table += [Row(6, "b5", 1), Row(7, "b6", 2)]
    names = [row.user for row in table]
    seen = {row.id: (row.user, row.score) for row in table}
    account = SlackAccount()
    channel = account.channel("n")
    channel.delivered(1, names, 1.0)
    account.confirm(account.post("n", ":tada: p1 just scored 5 points\n:tada: k1 just scored 1 point\nand 5 more", 2.0))
    channel.acked(1, multiple=False)
    bus = collections.Counter(names)
    # The last three came after the reader's last connection was opened.
    table[4:] = [dataclasses.replace(row, created_at=20.0) for row in table[4:]]
    last = {"goes": (10.0, {5, 6, 7})}
    return Evidence(writes, table, bus, {"stays": seen, "goes": dict(seen)}, account, [], last, least_accepted=4)


def test_a_good_round_has_no_findings():
    assert judge(good()) == []


def drop(evidence, name):
    evidence.table = [row for row in evidence.table if row.user != name]


@pytest.mark.parametrize(
    "what, plant",
    [
        ("answered 2xx, not stored", lambda e: drop(e, "p1")),
        ("stored while it was connected, not seen then", lambda e: e.last["goes"][1].remove(6)),
        ("answered 2xx, not stored", lambda e: drop(e, "b2")),
        ("answered 2xx, not stored", lambda e: drop(e, "k1")),
        ("stored more than once", lambda e: e.table.append(Row(9, "k1", 1))),
        ("stored more than once", lambda e: e.table.append(Row(9, "p2", 6))),
        ("a batch is there in part", lambda e: drop(e, "b6")),
        ("refused, never sent or bad", lambda e: setattr(e.writes[7], "kind", "bad batch")),
        ("refused, never sent or bad", lambda e: e.table.append(Row(9, "p4", 7))),
        ("nobody sent it", lambda e: e.table.append(Row(9, "ghost", 7))),
        ("not what was sent or told", lambda e: e.table.__setitem__(0, Row(1, "p1", 6))),
        ("not what was sent or told", lambda e: e.table.__setitem__(0, Row(11, "p1", 5))),
        ("not what was sent or told", lambda e: e.table.__setitem__(4, Row(15, "b2", 2))),
        ("never accepted", lambda e: setattr(e.writes[4], "outcome", Outcome.BUSY)),
        ("stored, never published", lambda e: e.bus.__delitem__("p2")),
        ("published, not stored", lambda e: e.bus.update(["ghost"])),
        ("feed goes: stored, never seen", lambda e: e.feeds["goes"].__delitem__(2)),
        ("feed stays: seen, not stored so", lambda e: e.feeds["stays"].__setitem__(2, ("p2", 99))),
        ("feed stays: seen, not stored so", lambda e: e.feeds["stays"].__setitem__(99, ("ghost", 1))),
        ("stored, never posted and acknowledged", lambda e: e.slack.acknowledged.remove("p2")),
        ("named, not stored so", lambda e: e.slack.posts[0].named.append(("p1", 6))),
        ("scores that no message counts", lambda e: setattr(e.slack.posts[0], "more", 4)),
        ("messages still wait", lambda e: setattr(e, "slack_left", 1)),
        ("incident", lambda e: e.incidents.append("500")),
        ("too few scores", lambda e: setattr(e, "least_accepted", 5)),
    ],
)
def test_what_is_planted_is_found(what, plant):
    evidence = copy.deepcopy(good())
    plant(evidence)
    assert any(what in finding.check for finding in judge(evidence)), judge(evidence)


def test_an_incident_found_by_one_check_is_told_with_its_names():
    evidence = good()
    drop(evidence, "p1")
    (lost,) = [finding for finding in judge(evidence) if finding.check == "table: answered 2xx, not stored"]
    assert lost.count == 1 and lost.examples == ["p1"] and "p1" in str(lost)


# MARK: Slack's account


@pytest.fixture
def account():
    return SlackAccount()


def line(name, score=2):
    return f":tada: {name} just scored {score} points"


def test_an_acknowledgement_needs_a_post_that_was_confirmed(account):
    channel = account.channel("n")
    channel.delivered(1, ["a", "b"], 1.0)
    channel.delivered(2, ["c"], 1.1)
    account.confirm(account.post("n", line("a"), 2.0))
    channel.acked(1, multiple=False)
    assert len(account.unbacked) == 1 and "acknowledged 2" in account.unbacked[0]


def test_a_post_whose_ok_was_lost_does_not_count(account):
    channel = account.channel("n")
    channel.delivered(1, ["a"], 1.0)
    account.post("n", line("a"), 2.0).taken = True
    channel.acked(1, multiple=False)
    assert account.unbacked and account.covered == 1


def test_a_post_from_before_the_channel_does_not_count_for_it(account):
    old, new = account.channel("n"), account.channel("n")
    old.delivered(1, ["a"], 1.0)
    post = account.post("n", line("a"), 2.0)
    new.delivered(1, ["b"], 3.0)
    account.confirm(post)
    new.acked(1, multiple=False)
    assert account.unbacked


def test_posts_of_one_gateway_do_not_count_for_another(account):
    channel = account.channel("n")
    channel.delivered(1, ["a"], 1.0)
    account.channel("m").delivered(1, ["a"], 1.0)
    account.confirm(account.post("m", line("a"), 2.0))
    channel.acked(1, multiple=False)
    assert account.unbacked and not account.strange


def test_an_acknowledgement_of_several_needs_all_of_them(account):
    channel = account.channel("n")
    for tag in range(1, 4):
        channel.delivered(tag, [f"a{tag}"], 1.0)
    account.confirm(account.post("n", "\n".join(map(line, ["a1", "a2"])) + "\nand 1 more", 2.0))
    channel.acked(3, multiple=True)
    assert not account.unbacked and account.acknowledged == {"a1", "a2", "a3"}
    channel.delivered(4, ["a4"], 3.0)
    channel.acked(0, multiple=True)
    assert account.unbacked


def test_what_is_thrown_away_is_told(account):
    channel = account.channel("n")
    channel.delivered(1, ["a"], 1.0)
    channel.delivered(2, ["b"], 1.0)
    channel.refused(1, multiple=False, requeue=True)
    assert not account.unbacked
    channel.refused(2, multiple=False, requeue=False)
    assert account.unbacked


def test_a_name_that_was_never_delivered_is_strange(account):
    account.channel("n").delivered(1, ["a"], 1.0)
    account.post("n", line("z"), 2.0)
    account.post("n", "hello", 2.0)
    assert len(account.strange) == 2


def test_texts_are_read():
    assert read_text(line("a &lt;&amp;&gt;")) == ([("a <&>", 2)], 0)
    assert read_text(f"{line('a')}\n:tada: b just scored 1 point\nand 3 more") == ([("a", 2), ("b", 1)], 3)
    for wrong in ["and 3 more", "", line("a", 1), f"{line('a')}\nand 3 more\n{line('b')}", "\n".join([line("a")] * 21)]:
        with pytest.raises(ValueError):
            read_text(wrong)
