import AMQP
import Postgres

// What somebody has to do about an error that does not pass by itself.

extension PostgresError {
    /// nil when waiting may help.
    var operatorHint: String? {
        // undefined_column: the table is the replaced service's, as it was before our migrations.
        if isUndefinedTable || sqlState == "42703" {
            return
                "the tables are missing or of an older version: run `score-gateway migrate`, or serve with AUTO_MIGRATE=1"
        }
        if isInsufficientPrivilege { return "DATABASE_URL's user may not use the tables: GRANT it the right" }
        return nil
    }
}

extension AMQPError {
    /// nil when waiting may help.
    var operatorHint: String? {
        switch self {
        case .accessRefused: "the broker knows no such user, or another password: see BROKER_URL"
        case .virtualHost(let text) where text.contains("limit"):
            "the broker lets no more connections in: `rabbitmqctl set_vhost_limits` and `set_user_limits` say how many"
        case .virtualHost:
            """
            the virtual host is not there, or not this user's: `rabbitmqctl add_vhost` makes it, `rabbitmqctl \
            set_permissions` opens it; the end of BROKER_URL names it
            """
        case .exchangeType:
            "the exchange is of another type than fanout: delete it, or choose another BROKER_EXCHANGE"
        case .topology(ReplyCode.accessRefused, _), .channelClosed(ReplyCode.accessRefused, _):
            "BROKER_URL's user may not make or use what it needs: `rabbitmqctl set_permissions` allows it"
        default: nil
        }
    }
}
