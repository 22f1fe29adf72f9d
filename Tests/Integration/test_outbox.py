"""Section 6: what is stored is published, whoever dies; an outcome that is not known is found out."""

import contextlib
import http.client
import json
import threading

from feed import Collector
from lossy_link import LossyLink
from waiting import eventually


def outbox(world):
    """How many flushes wait to be published."""
    return world.sql("select count(*) from score_outbox where ids is not null")[0][0]


def published(listener):
    return sorted(score["id"] for score in listener.scores)


def post_many(gateway, names):
    return [gateway.post(name, index) for index, name in enumerate(names)]


# MARK: The outbox


def test_a_flush_is_a_row_until_the_broker_has_it(world):
    gateway = world.gateway()
    listener = world.broker.listen(world.exchange)
    stored = post_many(gateway, ["ada", "bob", "cyd"])
    listener.wait_for(3)
    assert sorted(listener.scores, key=lambda score: score["id"]) == stored
    eventually(lambda: outbox(world) == 0, what="confirmed rows are gone")


def test_without_a_broker_scores_are_accepted_and_wait_in_the_table(world):
    with LossyLink(world.broker_url) as link:
        gateway = world.gateway(BROKER_URL=link.url)
        listener = world.broker.listen(world.exchange)
        link.refuse()
        eventually(lambda: "bus: broker out of reach" in gateway.log)
        stored = post_many(gateway, [f"p{index}" for index in range(20)])
        assert outbox(world) == 20
        assert not listener.scores
        link.heal()
        listener.wait_for(20, seconds=40)
        assert published(listener) == [score["id"] for score in stored]
        eventually(lambda: outbox(world) == 0, what="all rows are gone")


def test_what_a_killed_process_left_another_publishes(world):
    with LossyLink(world.broker_url) as link:
        victim = world.gateway(BROKER_URL=link.url)
        heir = world.gateway(ROLE="scores")
        listener = world.broker.listen(world.exchange)
        # Its messages leave, and nobody gets them: the worst moment to die.
        link.stall()
        stored = post_many(victim, ["ada", "bob", "cyd"])
        assert outbox(world) == 3
        victim.kill()
        listener.wait_for(3, seconds=40)
        assert published(listener) == [score["id"] for score in stored]
        eventually(lambda: outbox(world) == 0, what="the heir has dealt with the rows")
        assert heir.metric("score_gateway_flushes_taken_total") == 3


def test_a_stuck_process_lets_go_of_what_others_have_published(world):
    with LossyLink(world.broker_url) as link:
        stuck = world.gateway(BROKER_URL=link.url, REACTORS=1)
        world.gateway(ROLE="scores")
        listener = world.broker.listen(world.exchange)
        link.refuse()
        eventually(lambda: "bus: broker out of reach" in stuck.log)
        stored = post_many(stuck, ["ada", "bob"])
        listener.wait_for(2, seconds=40)
        link.heal()
        eventually(lambda: "bus: broker is back" in stuck.log)
        stored.append(stuck.post("cyd", 3))
        eventually(lambda: stored[2]["id"] in published(listener))
        assert published(listener) == [score["id"] for score in stored], "each once"


def test_a_restart_goes_on_where_the_last_one_was_killed(world, services, may_stop_servers):
    gateway = world.gateway()
    queue = world.broker.keep(world.exchange)
    services.rabbitmqctl("stop_app")
    stored = post_many(gateway, [f"p{index}" for index in range(5)])
    gateway.kill()
    services.rabbitmqctl("start_app")
    world.gateway()
    came = {}

    def all_came():
        came.update({score["id"]: score for score in world.broker.taken(queue)})
        return list(map(came.get, [score["id"] for score in stored])) == stored

    eventually(all_came, seconds=40, what="all that was accepted while the broker was away")
    world.broker.delete(queue=queue)


def test_a_backlog_leaves_oldest_first_and_new_scores_do_not_wait_for_it(world):
    with LossyLink(world.broker_url) as link:
        gateway = world.gateway(BROKER_URL=link.url, REACTORS=1, BROKER_MAX_BATCH=1)
        listener = world.broker.listen(world.exchange)
        link.refuse()
        eventually(lambda: "bus: broker out of reach" in gateway.log)
        batch = "\n".join(json.dumps({"user": f"old{index}", "score": index}) for index in range(900))
        for _ in range(10):
            answer = gateway.request("POST", "/scores", batch, {"Content-Type": "application/x-ndjson"})
            assert answer.status == 200, answer.content
        link.heal()
        listener.wait_for(1, seconds=40)
        new = gateway.post("new", 1)
        listener.wait_for(9001, seconds=60)
        ids = [score["id"] for score in listener.scores]
        old = [id for id in ids if id != new["id"]]
        assert old == sorted(old) and len(old) == 9000
        assert ids.index(new["id"]) < 8000, "the new one waited for the backlog"
        eventually(lambda: outbox(world) == 0)


def test_a_full_confirm_window_stops_no_post(world):
    """1,000 messages are on their way to a broker that says nothing; what comes meanwhile is stored, and follows."""
    with LossyLink(world.broker_url) as link:
        gateway = world.gateway(BROKER_URL=link.url, REACTORS=1, BROKER_MAX_BATCH=1)
        listener = world.broker.listen(world.exchange)
        link.stall()
        batch = json.dumps([{"user": f"p{index}", "score": index} for index in range(800)])
        ids = []
        for _ in range(3):
            answer = gateway.request("POST", "/scores", batch)
            assert answer.status == 200, answer.content
            told = json.loads(answer.content)
            ids += range(told["first_id"], told["last_id"] + 1)
        eventually(lambda: gateway.metric("score_gateway_messages_published_total") == 1000, what="a full window")
        assert gateway.metric("score_gateway_messages_unconfirmed") == 2400
        ids.append(gateway.post("after", 1)["id"])
        link.flow()
        eventually(lambda: set(published(listener)) == set(ids), seconds=60, what="all of them")
        eventually(lambda: outbox(world) == 0, seconds=60)


def test_a_channel_that_the_broker_closes_stops_no_post(world):
    """Somebody deletes the exchange: what is published next closes the channel; it is made again, and all goes on."""
    gateway = world.gateway(ROLE="scores", REACTORS=1)
    gateway.post("before", 1)
    eventually(lambda: outbox(world) == 0)
    world.broker.delete(exchange=world.exchange)
    assert gateway.post("closes it", 2)["user"] == "closes it"
    eventually(lambda: "bus: broker is back" in gateway.log)
    eventually(lambda: outbox(world) == 0, what="published to the exchange that was made again")
    listener = world.broker.listen(world.exchange)
    last = gateway.post("after", 3)
    assert listener.wait_for(1) == [last]


def test_what_is_published_before_the_poster_comes_waits_for_it(world):
    """A broker that has come back empty would drop it: for the outbox it is done with then."""
    gateway = world.gateway(ROLE="scores", POSTER_QUEUE=world.queue)
    eventually(lambda: "bus: broker connected" in gateway.log)
    world.broker.delete(exchange=world.exchange, queue=world.queue)
    stored = [gateway.post("ada", index) for index in range(3)]
    eventually(lambda: outbox(world) == 0)
    eventually(lambda: world.broker.depth(world.queue) > 0, what="the queue, with the scores in it")
    assert sorted(score["id"] for score in world.broker.taken(world.queue)) == [score["id"] for score in stored]


def test_what_nobody_holds_is_in_the_metrics(world):
    """A dead process has left it, and the broker is away: no gateway has it in memory, and it waits all the same."""
    with LossyLink(world.broker_url) as link:
        link.refuse()
        gateway = world.gateway(ready=False, BROKER_URL=link.url, REACTORS=1)
        eventually(lambda: "scores: database connected" in gateway.log or world.store == "sqlite")
        gateway.wait_for("/scores")
        gateway.post("ada", 1)
        eventually(lambda: outbox(world) == 1)
        eventually(lambda: gateway.metric("score_gateway_outbox_oldest_seconds") >= 10, 60)
        assert gateway.metric("score_gateway_messages_unconfirmed") == 0
        link.heal()
        eventually(lambda: gateway.metric("score_gateway_outbox_oldest_seconds") == 0, 60)


def test_a_deleted_exchange_silences_nobody_for_good(world):
    """The publisher makes it again and tells nobody: who consumes has to bind its queue by itself."""
    slack = world.slack()
    gateway = world.gateway(REACTORS=1, **slack.env)
    with Collector(gateway) as feed:
        gateway.post("before", 1)
        feed.wait_for(1)
        slack.wait_for(1)
        world.broker.delete(exchange=world.exchange)
        # To Slack everything is told, for the publisher binds its queue. (Of several, one may publish what the other has not
        # bound yet.)
        meanwhile = [f"meanwhile {index}" for index in range(3)]
        for user in meanwhile:
            gateway.post(user, 1)
        eventually(lambda: all(any(user in text for text in slack.accepted) for user in meanwhile), 60, "Slack is told")

        # To the feed what comes when it is bound again.
        def said():
            gateway.post("again", 1)
            return any(score["user"] == "again" for score in feed.scores)

        eventually(said, 60, "the feed goes on")


def test_a_blocked_broker_stops_no_post(world, services, may_stop_servers):
    gateway = world.gateway()
    listener = world.broker.listen(world.exchange)
    services.rabbitmqctl("set_vm_memory_high_watermark", "0.00001")
    try:
        # RabbitMQ blocks a connection when it publishes.
        stored = post_many(gateway, [f"p{index}" for index in range(30)])
        eventually(lambda: outbox(world) >= 20, what="rows that wait")
    finally:
        services.rabbitmqctl("set_vm_memory_high_watermark", "0.4")
    eventually(lambda: {score["id"] for score in listener.scores} == {score["id"] for score in stored}, seconds=40)
    eventually(lambda: outbox(world) == 0)


def test_scores_that_were_deleted_meanwhile_are_not_published(world):
    with LossyLink(world.broker_url) as link:
        gateway = world.gateway(BROKER_URL=link.url)
        listener = world.broker.listen(world.exchange)
        link.refuse()
        eventually(lambda: "bus: broker out of reach" in gateway.log)
        gone, kept = gateway.post("gone", 1), gateway.post("kept", 2)
        world.sql('delete from "Score" where id = %s', gone["id"])
        link.heal()
        listener.wait_for(1, seconds=40)
        eventually(lambda: outbox(world) == 0)
        assert listener.scores == [kept]


# MARK: Unknown outcomes


def slow_commit(world, seconds):
    """Every commit that stored a score takes so long."""
    world.sql(
        f"""
        create function slow() returns trigger language plpgsql as $$
            begin perform pg_sleep({seconds}); return null; end $$;
        create constraint trigger slow after insert on "Score" deferrable initially deferred
            for each row execute function slow()
        """
    )


def posting(gateway, name, headers=None):
    """Posts on a thread: a list that the answer comes into."""
    answers = []

    def work():
        # Some tests kill the gateway meanwhile.
        with contextlib.suppress(OSError, http.client.HTTPException):
            answers.append(gateway.request("POST", "/scores", json.dumps({"user": name, "score": 7}), headers))

    thread = threading.Thread(target=work)
    thread.start()
    return answers, thread


def test_a_commit_whose_answer_is_lost_is_found(world):
    with LossyLink(world.database_url) as link:
        gateway = world.gateway(DATABASE_URL=link.url)
        listener = world.broker.listen(world.exchange)
        link.lose_answers()
        answer = gateway.request("POST", "/scores", '{"user":"ada","score":7}')
        assert answer.status == 200, answer.content
        score = json.loads(answer.content)
        assert world.sql('select id, "user", score from "Score"') == [(score["id"], "ada", 7)]
        listener.wait_for(1)
        assert listener.scores == [score]


def test_a_flush_that_was_rolled_back_is_stored_after_all(world):
    gateway = world.gateway(REACTORS=1)
    slow_commit(world, 0.7)
    answers, thread = posting(gateway, "ada")
    ended = "select count(pg_terminate_backend(pid)) from pg_stat_activity where query like %s and state = 'active'"
    eventually(lambda: world.sql(ended, "%INSERT INTO \"Score\"%unnest%WITH ORDINALITY%")[0][0] == 1)
    thread.join()
    assert answers[0].status == 200, answers[0].content
    assert world.sql('select id, "user" from "Score"') == [(json.loads(answers[0].content)["id"], "ada")]


def test_a_commit_that_is_still_under_way_is_waited_for(world):
    """The connection is gone, the server does not know, and commits later."""
    with LossyLink(world.database_url) as link:
        gateway = world.gateway(DATABASE_URL=link.url, REACTORS=1)
        slow_commit(world, 3)
        answers, thread = posting(gateway, "ada")
        world.wait_for_statement("%WITH ORDINALITY%")
        link.refuse()
        link.heal()
        thread.join()
        assert answers[0].status == 200, answers[0].content
        assert world.sql('select id, "user" from "Score"') == [(json.loads(answers[0].content)["id"], "ada")]


def test_past_a_bounded_wait_the_answer_is_503(world):
    with LossyLink(world.database_url) as link:
        gateway = world.gateway(DATABASE_URL=link.url, REACTORS=1)
        link.lose_answers()
        answers, thread = posting(gateway, "ada")
        eventually(lambda: world.sql('select count(*) from "Score"')[0][0] == 1)
        link.refuse()
        thread.join()
        answer = answers[0]
        assert answer.status == 503 and answer.getheader("Retry-After")
        assert b"may be stored" in answer.content
        link.heal()


def test_the_row_of_an_unknown_outcome_is_published_once_it_is_due(world):
    """Nobody could be told, but it is stored: so the feed and Slack must hear of it."""
    with LossyLink(world.database_url) as link:
        gateway = world.gateway(DATABASE_URL=link.url)
        world.gateway(ROLE="scores")
        listener = world.broker.listen(world.exchange)
        link.lose_answers()
        _, thread = posting(gateway, "ada")
        eventually(lambda: world.sql('select count(*) from "Score"')[0][0] == 1)
        gateway.kill()
        thread.join()
        listener.wait_for(1, seconds=40)
        assert [score["user"] for score in listener.scores] == ["ada"]


# MARK: A database in trouble


def test_a_locked_table_hangs_nobody(world, services):
    """Those who wait are told as soon as the first one's time is up, and what comes afterwards is stored."""
    gateway = world.gateway(REACTORS=1)
    with services.connect(world.database_url) as connection, connection.transaction():
        connection.execute('lock table "Score" in access exclusive mode')
        jobs = [posting(gateway, f"p{index}") for index in range(5)]
        for answers, thread in jobs:
            thread.join(timeout=25)
            assert answers and answers[0].status == 503 and answers[0].getheader("Retry-After")
    assert gateway.post("after", 1)["user"] == "after"
    assert world.sql('select "user" from "Score"') == [("after",)]


def test_a_sequence_behind_its_table_refuses_no_score_for_good(world):
    world.sql("""insert into "Score" (id, "user", score) values (1, 'restored', 1), (2, 'restored', 2)""")
    gateway = world.gateway(REACTORS=1)
    answers = [gateway.request("POST", "/scores", '{"user":"ada","score":3}') for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 200]


def test_a_commit_is_durable_whatever_the_role_says(world):
    name = world.database_url.rsplit("/", 1)[1]
    world.sql(f'alter database "{name}" set synchronous_commit = off')
    world.sql('create table seen (value text)')
    world.sql(
        """
        create function note() returns trigger language plpgsql as $$
            begin insert into seen values (current_setting('synchronous_commit')); return null; end $$;
        create trigger note after insert on "Score" execute function note()
        """
    )
    gateway = world.gateway()
    gateway.post("ada", 1)
    gateway.request("POST", "/scores", json.dumps([{"user": "u", "score": 1}] * 1500))
    assert {row[0] for row in world.sql("select value from seen")} == {"on"}


def test_marks_and_keys_that_are_over_are_swept(world):
    world.sql(
        """
        insert into score_outbox_published (flush, ids, published_at)
            select gen_random_uuid(), '{1}', now() - interval '2 hours' from generate_series(1, 25000);
        insert into score_outbox (flush, ids, due_at)
            select gen_random_uuid(), null, now() - interval '2 hours' from generate_series(1, 10);
        insert into score_idempotency (key, fingerprint, first_id, last_id, stored, created_at)
            select n::text, '', 1, 1, 1, now() - interval '25 hours' from generate_series(1, 12000) n;
        insert into score_outbox_published (flush, ids) values (gen_random_uuid(), '{2}');
        insert into score_idempotency (key, fingerprint, first_id, last_id, stored) values ('new', '', 1, 1, 1)
        """
    )
    world.gateway()

    def left():
        tables = ["score_outbox_published", "score_outbox", "score_idempotency"]
        return [world.sql(f"select count(*) from {table}")[0][0] for table in tables]

    eventually(lambda: left() == [1, 0, 1], seconds=40, what="only what is young is left")
