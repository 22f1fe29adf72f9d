"""The schedule repeats; the proxy cuts, stalls, loses and refuses; the tap reads frames however they are cut."""

import asyncio
import json
import random
import struct

import pytest

from http_wire import Client, CutShort, NoAnswer, NotSent
from link import Link
from nodes import TOPOLOGIES, shape
from schedule import plan
from slack import Slack
from slack_account import SlackAccount
from tap import AMQPTap

# MARK: The schedule


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_seed_repeats_its_faults(topology):
    nodes = shape(topology)
    assert plan(7, 120, nodes) == plan(7, 120, nodes)
    assert plan(7, 120, nodes) != plan(8, 120, nodes)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_faults_overlap_by_two_at_most_and_never_on_one_thing(topology):
    overlaps = 0
    for seed in range(30):
        faults = [fault for fault in plan(seed, 120, shape(topology)) if fault.target != "slack"]
        for fault in faults:
            others = [other for other in faults if other is not fault and other.at <= fault.at < other.end]
            assert len(others) <= 1 and all(other.target != fault.target for other in others)
            overlaps += len(others)
            assert fault.at + fault.seconds <= 120 - 2
    assert overlaps > 50


def test_a_long_round_has_every_kind_of_fault():
    for topology, servers in [("all", 4 + 5), ("roles", 4 + 5), ("embedded", 1)]:
        kinds = {(fault.target.split()[0], fault.action) for fault in plan(1, 240, shape(topology))}
        assert len(kinds) >= 3 + servers + 4 + 8 - 1, kinds


# MARK: The link


def with_echo(work, serve=None):
    """Runs `work(link)` with a link to a server, which sends back what it gets."""

    async def echo(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def main():
        server = await asyncio.start_server(serve or echo, "127.0.0.1", 0)
        link = await Link("test", server.sockets[0].getsockname()[1]).open()
        try:
            async with asyncio.timeout(20):
                await work(link)
        finally:
            await link.close()
            server.close()

    asyncio.run(main())


async def dial(link):
    return await asyncio.open_connection("127.0.0.1", link.port)


async def exchange(connection, data):
    connection[1].write(data)
    return await connection[0].readexactly(len(data))


async def ends(connection):
    """What still comes, until the connection ends."""
    try:
        return await connection[0].read()
    except ConnectionResetError:
        return b""


def test_bytes_pass():
    async def work(link):
        data = random.Random(1).randbytes(3_000_000)
        connection = await dial(link)
        connection[1].write(data)
        assert await connection[0].readexactly(len(data)) == data

    with_echo(work)


@pytest.mark.parametrize("abrupt", [False, True])
@pytest.mark.parametrize("up", [True, False])
def test_a_fuse_cuts_at_its_byte(up, abrupt):
    heard = bytearray()
    over = asyncio.Event()

    async def serve(reader, writer):
        try:
            while data := await reader.read(100):
                heard.extend(data)
                writer.write(data)
        except ConnectionResetError:
            pass
        writer.close()
        over.set()

    async def work(link):
        connection = await dial(link)
        assert await exchange(connection, b"hello") == b"hello"
        (passage,) = link.passages
        passage.fuse, passage.burns, passage.abrupt = 7, up, abrupt
        connection[1].write(b"0123456789")
        came = await ends(connection)
        await over.wait()
        assert len(came) <= 7
        assert bytes(heard[5:]) in (b"0123456" if up else b"0123456789", b"" if abrupt else b"0123456")
        assert up or abrupt or came == b"0123456"
        assert link.cuts == 1 and not link.passages

    with_echo(work, serve)


def test_an_answer_is_lost_after_its_request_has_left():
    heard = []

    async def serve(reader, writer):
        while data := await reader.read(100):
            heard.append(data)
            writer.write(b"answer")
        writer.close()

    async def work(link):
        connection = await dial(link)
        connection[1].write(b"one")
        assert await connection[0].readexactly(6) == b"answer"
        link.lose_answers(abrupt=True)
        connection[1].write(b"two")
        assert await ends(connection) == b""
        assert heard == [b"one", b"two"]

    with_echo(work, serve)


def test_a_stall_holds_bytes_and_lets_them_go():
    async def work(link):
        connection = await dial(link)
        await exchange(connection, b"hello")
        link.stall()
        connection[1].write(b"held")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection[0].read(1), 0.2)
        link.flow()
        assert await connection[0].readexactly(4) == b"held"

    with_echo(work)


def test_it_refuses_and_comes_back_at_the_same_port():
    async def work(link):
        connection = await dial(link)
        await exchange(connection, b"hello")
        await link.refuse()
        assert await ends(connection) == b""
        with pytest.raises(ConnectionRefusedError):
            await dial(link)
        await link.heal()
        assert await exchange(await dial(link), b"again") == b"again"

    with_echo(work)


# MARK: HTTP


def answered(pieces, expected):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(pieces)
        await writer.drain()
        writer.close()

    async def work(link):
        client = Client(5)
        try:
            if isinstance(expected, tuple):
                kind, status = expected
                with pytest.raises(kind) as error:
                    await client.post(link.target, "/", b"")
                assert getattr(error.value, "status", None) == status
            else:
                assert (await client.post(link.target, "/", b"")).body == expected
        finally:
            client.close()

    with_echo(work, serve)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nhi"


@pytest.mark.parametrize("cut", range(len(OK) + 1))
def test_an_answer_cut_anywhere_is_what_it_is(cut):
    line = OK.index(b"\r\n") + 2
    expected = b"hi" if cut == len(OK) else (NoAnswer, None) if cut == 0 else (CutShort, 200 if cut >= line else None)
    answered(OK[:cut], expected)


def test_nobody_there_is_not_sent():
    async def work(link):
        await link.refuse()
        with pytest.raises(NotSent):
            await Client(5).post(link.port, "/", b"")

    with_echo(work)


# MARK: AMQP and Slack


def frame(kind, payload):
    return struct.pack(">BHI", kind, 1, len(payload)) + payload + b"\xce"


def short(text):
    return bytes([len(text)]) + text.encode()


CLIENT = b"AMQP\0\0\x09\x01" + frame(1, struct.pack(">HH", 20, 10) + b"\0")
CLIENT += frame(1, struct.pack(">HHH", 60, 20, 0) + short("poster") + short("tag") + b"\0" + b"\0\0\0\0")
BODY = b"\n".join(json.dumps({"user": name, "score": 1}).encode() for name in "ab")
SERVER = frame(1, struct.pack(">HH", 60, 60) + short("tag") + struct.pack(">QB", 9, 0) + short("x") + short("k"))
SERVER += frame(2, struct.pack(">HHQH", 60, 0, len(BODY), 0)) + frame(3, BODY[:10]) + frame(3, BODY[10:])
ACK = frame(1, struct.pack(">HHQB", 60, 80, 9, 0))


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_the_tap_reads_deliveries_and_acks_however_they_are_cut(size):
    account = SlackAccount()
    tap = AMQPTap(account, "n", "poster", clock=lambda: 1.0)

    def feed(method, data):
        for start in range(0, len(data), size):
            method(data[start : start + size])

    feed(tap.upstream, CLIENT)
    feed(tap.downstream, SERVER)
    assert account.delivered == {"n": {"a", "b"}}
    account.confirm(account.post("n", ":tada: a just scored 1 point\nand 1 more", 2.0))
    feed(tap.upstream, ACK)
    assert account.acknowledged == {"a", "b"} and not account.unbacked and not account.strange


def test_other_queues_are_not_read_along():
    account = SlackAccount()
    tap = AMQPTap(account, "n", "other")
    tap.upstream(CLIENT)
    tap.downstream(SERVER)
    tap.upstream(ACK)
    assert account.delivered == {} and account.acknowledged == set()


@pytest.mark.parametrize(
    "mood, outcome, taken, confirmed",
    [
        ("ok", 200, True, True),
        ("500", 500, False, False),
        ("429", 429, False, False),
        ("not-ok", 200, False, False),
        ("closing", NoAnswer, False, False),
        ("withheld", NoAnswer, True, False),
        ("half", CutShort, True, False),
    ],
)
def test_the_moods_of_slack(mood, outcome, taken, confirmed):
    async def main():
        account = SlackAccount()
        account.channel("n").delivered(1, ["a"], 0.0)
        slack = await Slack(account).open()
        await slack.feel(mood)
        client = Client(5)
        try:
            body = json.dumps({"channel": "#scores", "text": ":tada: a just scored 1 point"}).encode()
            post = client.post(slack.port, "/n/api/chat.postMessage", body)
            if isinstance(outcome, int):
                assert (await post).status == outcome
            else:
                with pytest.raises(outcome):
                    await post
            (made,) = account.posts
            assert (made.taken, made.confirmed, account.strange) == (taken, confirmed, [])
        finally:
            client.close()
            await slack.close()

    asyncio.run(main())
