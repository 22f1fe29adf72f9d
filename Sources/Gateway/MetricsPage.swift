import Bytes

/// `/metrics` in the Prometheus text format, version 0.0.4. Each worker counts for itself; here they are summed.
enum MetricsPage {
    static func append(_ workers: [WorkerMetrics], _ health: Health, to page: inout ByteBuffer) {
        func sum(_ count: (WorkerMetrics) -> UInt64) -> UInt64 { workers.reduce(0) { $0 + count($1) } }
        func metric(_ name: StaticString, _ type: StaticString, _ help: StaticString, _ value: UInt64) {
            page.append("# HELP ")
            page.append(name)
            page.append(" ")
            page.append(help)
            page.append("\n# TYPE ")
            page.append(name)
            page.append(" ")
            page.append(type)
            page.append("\n")
            page.append(name)
            page.append(" ")
            page.append(decimal: Int64(clamping: value))
            page.append("\n")
        }
        metric("score_gateway_connections", "gauge", "Open connections.", sum { $0.connections.load() })
        metric(
            "score_gateway_connections_refused_total", "counter",
            "Connections refused, or not accepted, for want of room or descriptors.",
            sum { $0.connectionsRefused.load() })
        metric("score_gateway_requests_total", "counter", "Requests.", sum { $0.requests.load() })
        metric("score_gateway_scores_stored_total", "counter", "Scores committed.", sum { $0.scoresStored.load() })
        metric(
            "score_gateway_scores_refused_total", "counter", "Scores refused by or for want of the database.",
            sum { $0.scoresRefused.load() })
        metric("score_gateway_flushes_total", "counter", "Flushes sent to the database.", sum { $0.flushes.load() })
        metric(
            "score_gateway_writes_waiting", "gauge", "Scores that wait for a flush.", sum { $0.writesWaiting.load() })
        metric(
            "score_gateway_messages_published_total", "counter", "Messages sent to the broker.",
            sum { $0.messagesPublished.load() })
        metric(
            "score_gateway_messages_unconfirmed", "gauge", "Messages the broker has not confirmed.",
            sum { $0.messagesUnconfirmed.load() })
        metric(
            "score_gateway_messages_refused_total", "counter", "Messages the broker did not take; they are sent again.",
            sum { $0.messagesRefused.load() })
        metric(
            "score_gateway_flushes_taken_total", "counter",
            "Flushes taken over from the outbox, because their holder could not publish them.",
            sum { $0.flushesTaken.load() })
        metric(
            "score_gateway_requests_replayed_total", "counter",
            "Requests answered as the first one with their Idempotency-Key.", sum { $0.requestsReplayed.load() })
        metric(
            "score_gateway_messages_invalid_total", "counter", "Lines on the bus that are no score.",
            sum { $0.feedInvalidMessages.load() })
        metric("score_gateway_feed_subscribers", "gauge", "Subscribers of the feed.", sum { $0.subscribers.load() })
        metric("score_gateway_feed_sends_total", "counter", "Writes to subscribers.", sum { $0.feedSends.load() })
        metric("score_gateway_feed_bytes_total", "counter", "Bytes sent to subscribers.", sum { $0.feedBytes.load() })
        metric(
            "score_gateway_feed_slow_disconnects_total", "counter", "Subscribers closed for being too slow.",
            sum { $0.feedDisconnectsSlow.load() })
        metric("score_gateway_slack_posted_total", "counter", "Messages Slack took.", sum { $0.slackPosted.load() })
        metric(
            "score_gateway_slack_digests_total", "counter", "Messages Slack took that told several scores.",
            sum { $0.slackDigests.load() })
        metric(
            "score_gateway_slack_scores_total", "counter", "Scores told in the messages Slack took.",
            sum { $0.slackScoresTold.load() })
        metric(
            "score_gateway_slack_scores_lost_total", "counter", "Scores given up: Slack will never take their message.",
            sum { $0.slackScoresLost.load() })
        metric(
            "score_gateway_slack_refuses", "gauge", "Whether Slack says no until somebody acts; the log says why.",
            sum { $0.slackRefuses.load() })
        metric(
            "score_gateway_slack_failed_total", "counter", "Posts Slack did not take.", sum { $0.slackFailed.load() })
        metric(
            "score_gateway_slack_waiting", "gauge", "Scores that wait for Slack.", sum { $0.slackWaiting.load() })
        if health.needsDatabase {
            metric(
                "score_gateway_database_up", "gauge", "Whether every connection to the database stands.",
                health.isDatabaseUp ? 1 : 0)
        }
        metric("score_gateway_broker_up", "gauge", "Whether the broker is connected.", health.isBrokerUp ? 1 : 0)
    }
}
