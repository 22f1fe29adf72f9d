import Bytes
import HTTPServer
import Reactor

/// `/metrics`. Each worker counts for itself; here they are summed.
struct MetricsPage {
    private let workers: [WorkerMetrics]
    private let health: Health
    private let role: Role

    init(_ workers: [WorkerMetrics], _ health: Health, role: Role) {
        self.workers = workers
        self.health = health
        self.role = role
    }

    func append(to page: inout ByteBuffer) {
        var encoder = PrometheusEncoder()
        build(&encoder)
        server(&encoder)
        store(&encoder)
        outbox(&encoder)
        feed(&encoder)
        slack(&encoder)
        reactors(&encoder)
        ProcessMetrics.append(to: &encoder)
        page.append(encoder.page.bytes)
    }

    private func sum(_ count: (WorkerMetrics) -> UInt64) -> UInt64 { workers.reduce(0) { $0 + count($1) } }

    private func most(_ count: (WorkerMetrics) -> UInt64) -> UInt64 { workers.reduce(0) { max($0, count($1)) } }

    private func histogram(
        _ encoder: inout PrometheusEncoder, _ name: StaticString, _ labels: String, _ scale: Histogram.Scale,
        count: (WorkerMetrics, Int) -> UInt64, sum total: (WorkerMetrics) -> UInt64
    ) {
        encoder.histogram(
            name, labels, counts: (0..<15).map { bucket in sum { count($0, bucket) } }, bounds: scale.bounds,
            sum: Double(sum(total)) * scale.unit)
    }

    // MARK: The parts

    private func build(_ encoder: inout PrometheusEncoder) {
        encoder.family("score_gateway_build_info", .gauge, "What runs; always 1.")
        encoder.sample(
            "score_gateway_build_info", labels: "version=\"\(Version.text)\",role=\"\(role.rawValue)\"", count: 1)
    }

    private func tls(_ encoder: inout PrometheusEncoder) {
        let notAfter = most { $0.certificateNotAfter.load() }
        guard notAfter > 0 else { return }
        encoder.metric(
            "score_gateway_tls_handshakes_failed_total", .counter,
            "Connections that ended before their TLS handshake did.", sum { $0.handshakesFailed.load() })
        encoder.metric(
            "score_gateway_tls_certificate_not_after_seconds", .gauge,
            "When the certificate ends, since the Unix epoch.", notAfter)
    }

    private func server(_ encoder: inout PrometheusEncoder) {
        encoder.metric("score_gateway_connections", .gauge, "Open connections.", sum { $0.connections.load() })
        connections(&encoder)
        tls(&encoder)
        encoder.family("score_gateway_http_requests_total", .counter, "Requests answered, by route and status.")
        for route in RouteLabel.allCases {
            for place in 0..<RouteLabel.statusCount {
                let count = sum { $0.answers[Int(route.rawValue) * RouteLabel.statusCount + place].load() }
                guard count > 0 else { continue }
                let status = RouteLabel.status(at: place)
                encoder.sample(
                    "score_gateway_http_requests_total",
                    labels: "\(labels(route)),status=\"\(status)\"", count: count)
            }
        }
        encoder.family(
            "score_gateway_http_request_duration_seconds", .histogram,
            "From the turn a request's head came in to the turn of its answer.")
        for route in RouteLabel.allCases {
            let place = Int(route.rawValue)
            guard (0..<15).contains(where: { bucket in sum { $0.latency[place].count(bucket) } > 0 }) else { continue }
            histogram(
                &encoder, "score_gateway_http_request_duration_seconds", labels(route), .latency,
                count: { $0.latency[place].count($1) }, sum: { $0.latency[place].sum() })
        }
        encoder.metric(
            "score_gateway_requests_replayed_total", .counter,
            "Requests answered as the first one with their Idempotency-Key.", sum { $0.requestsReplayed.load() })
    }

    private func connections(_ encoder: inout PrometheusEncoder) {
        encoder.family(
            "score_gateway_connections_refused_total", .counter,
            "Connections not taken: full, too many of their address, or no descriptor left.")
        for reason in ConnectionRefusal.allCases {
            encoder.sample(
                "score_gateway_connections_refused_total", labels: "reason=\"\(reason)\"",
                count: sum { $0.connectionsRefused[reason.rawValue].load() })
        }
        encoder.family(
            "score_gateway_connections_ended_total", .counter,
            "Connections that the server ended by itself: too slow, silent, over a limit, or no HTTP.")
        for reason in ConnectionEnd.allCases {
            encoder.sample(
                "score_gateway_connections_ended_total", labels: "reason=\"\(reason.label)\"",
                count: sum { $0.connectionsEnded[reason.rawValue].load() })
        }
        encoder.metric(
            "score_gateway_held_bytes", .gauge,
            "Memory that clients make the process hold: unfinished requests, unread answers.",
            sum { $0.heldBytes.load() })
    }

    private func labels(_ route: RouteLabel) -> String {
        "route=\"\(route.labels.route)\",method=\"\(route.labels.method)\""
    }

    private func store(_ encoder: inout PrometheusEncoder) {
        encoder.metric(
            "score_gateway_scores_stored_total", .counter, "Scores committed.", sum { $0.scoresStored.load() })
        encoder.metric(
            "score_gateway_scores_refused_total", .counter, "Requests refused by or for want of the store.",
            sum { $0.scoresRefused.load() })
        encoder.metric(
            "score_gateway_flushes_total", .counter, "Flushes sent to the store.", sum { $0.flushes.load() })
        encoder.metric(
            "score_gateway_writes_waiting", .gauge, "Scores that wait for a flush.", sum { $0.writesWaiting.load() })
        encoder.family("score_gateway_flush_scores", .histogram, "Scores in a flush.")
        histogram(
            &encoder, "score_gateway_flush_scores", "", .size, count: { $0.flushScores.count($1) },
            sum: { $0.flushScores.sum() })
        encoder.family(
            "score_gateway_commit_duration_seconds", .histogram, "From sending a flush to knowing that it is committed."
        )
        histogram(
            &encoder, "score_gateway_commit_duration_seconds", "", .latency, count: { $0.commitTime.count($1) },
            sum: { $0.commitTime.sum() })
        guard health.needsDatabase else { return }
        encoder.metric(
            "score_gateway_database_up", .gauge, "Whether every connection to the database stands.",
            health.isDatabaseUp ? 1 : 0)
        encoder.metric(
            "score_gateway_database_connections_lost_total", .counter, "Connections to the database that were lost.",
            UInt64(health.databaseConnectionsLost))
    }

    private func outbox(_ encoder: inout PrometheusEncoder) {
        encoder.metric(
            "score_gateway_messages_published_total", .counter, "Messages sent to the bus.",
            sum { $0.messagesPublished.load() })
        encoder.metric(
            "score_gateway_messages_unconfirmed", .gauge,
            "Messages held in memory that the bus has not confirmed.", sum { $0.messagesUnconfirmed.load() })
        encoder.family(
            "score_gateway_outbox_oldest_seconds", .gauge,
            "Age of the oldest score that the bus has not confirmed, held here or left in the outbox; 0 without one.")
        encoder.sample(
            "score_gateway_outbox_oldest_seconds",
            value: Double(most { max($0.outboxAge.load(), $0.outboxRowAge.load()) }) / 1000)
        encoder.metric(
            "score_gateway_messages_refused_total", .counter, "Messages the bus did not take; they are sent again.",
            sum { $0.messagesRefused.load() })
        encoder.metric(
            "score_gateway_flushes_taken_total", .counter,
            "Flushes taken over from the outbox, because their holder could not publish them.",
            sum { $0.flushesTaken.load() })
        encoder.metric(
            "score_gateway_messages_invalid_total", .counter, "Lines on the bus that are no score.",
            sum { $0.feedInvalidMessages.load() })
        encoder.metric("score_gateway_broker_up", .gauge, "Whether the bus is connected.", health.isBrokerUp ? 1 : 0)
        encoder.metric(
            "score_gateway_broker_connections_lost_total", .counter, "Connections to the broker that were lost.",
            UInt64(health.brokerConnectionsLost))
    }

    private func feed(_ encoder: inout PrometheusEncoder) {
        encoder.metric(
            "score_gateway_feed_subscribers", .gauge, "Subscribers of the feed, by WebSocket and as event streams.",
            sum { $0.subscribers.load() + $0.deflatedSubscribers.load() + $0.eventSubscribers.load() })
        encoder.metric(
            "score_gateway_feed_deflated", .gauge, "Subscribers of the feed that agreed on compressed messages.",
            sum { $0.deflatedSubscribers.load() })
        encoder.metric(
            "score_gateway_feed_event_streams", .gauge, "Subscribers of the feed that are event streams.",
            sum { $0.eventSubscribers.load() })
        encoder.metric(
            "score_gateway_feed_scores_total", .counter, "Scores that came into the log of the first reactor.",
            workers.first?.feedScores.load() ?? 0)
        encoder.metric(
            "score_gateway_feed_sends_total", .counter, "Writes to subscribers.", sum { $0.feedSends.load() })
        encoder.metric(
            "score_gateway_feed_bytes_total", .counter, "Bytes sent to subscribers.", sum { $0.feedBytes.load() })
        encoder.metric(
            "score_gateway_feed_lag_bytes", .gauge, "How far the slowest subscriber was behind when it was last fed.",
            most { max($0.feedLag.load(), $0.deflatedFeedLag.load()) })
        encoder.metric(
            "score_gateway_feed_skipped_total", .counter,
            "Scores that a reactor passed over, because it lagged behind the feed.", sum { $0.feedSkipped.load() })
        encoder.family(
            "score_gateway_feed_disconnects_total", .counter,
            "Subscribers that left: too slow, the history out of reach, shutdown, or gone by themselves.")
        for (reason, count) in [
            ("slow", sum { $0.feedDisconnectsSlow.load() }), ("history", sum { $0.feedDisconnectsHistory.load() }),
            ("shutdown", sum { $0.feedDisconnectsShutdown.load() }), ("gone", sum { $0.feedDisconnectsGone.load() }),
        ] {
            encoder.sample("score_gateway_feed_disconnects_total", labels: "reason=\"\(reason)\"", count: count)
        }
    }

    private func slack(_ encoder: inout PrometheusEncoder) {
        encoder.metric(
            "score_gateway_slack_posted_total", .counter, "Messages Slack took.", sum { $0.slackPosted.load() })
        encoder.metric(
            "score_gateway_slack_digests_total", .counter, "Messages Slack took that told several scores.",
            sum { $0.slackDigests.load() })
        encoder.metric(
            "score_gateway_slack_scores_total", .counter, "Scores told in the messages Slack took.",
            sum { $0.slackScoresTold.load() })
        encoder.metric(
            "score_gateway_slack_scores_lost_total", .counter,
            "Scores given up: Slack will never take their message.", sum { $0.slackScoresLost.load() })
        encoder.metric(
            "score_gateway_slack_failed_total", .counter, "Posts Slack did not take.", sum { $0.slackFailed.load() })
        encoder.metric(
            "score_gateway_slack_limited_total", .counter, "Posts Slack answered with 429.",
            sum { $0.slackLimited.load() })
        encoder.metric(
            "score_gateway_slack_refuses", .gauge, "Whether Slack says no until somebody acts; the log says why.",
            sum { $0.slackRefuses.load() })
        encoder.metric(
            "score_gateway_slack_waiting", .gauge, "Scores that wait for Slack.", sum { $0.slackWaiting.load() })
    }

    private func reactors(_ encoder: inout PrometheusEncoder) {
        encoder.metric(
            "score_gateway_log_lines_dropped_total", .counter, "Log lines dropped, because nobody read the log.",
            LogWriter.droppedLines)
        encoder.family(
            "score_gateway_reactor_busy_seconds_total", .counter, "Time a reactor was not waiting for events.")
        for (index, worker) in workers.enumerated() {
            encoder.sample(
                "score_gateway_reactor_busy_seconds_total", labels: "reactor=\"\(index)\"",
                value: Double(worker.busyNanoseconds.load()) / 1e9)
        }
        encoder.family(
            "score_gateway_reactor_turn_duration_seconds", .histogram,
            "Length of a reactor's turns: so late is what comes in one.")
        encoder.histogram(
            "score_gateway_reactor_turn_duration_seconds", "",
            counts: (0..<9).map { bucket in sum { $0.turnsByLength[bucket].load() } },
            bounds: ["0.0001", "0.0005", "0.001", "0.005", "0.01", "0.05", "0.1", "0.5"],
            sum: Double(sum { $0.busyNanoseconds.load() }) / 1e9)
    }
}
