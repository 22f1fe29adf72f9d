import Glibc
import Reactor
import SQLite

/// Why the gateway cannot start.
struct StartError: Error, CustomStringConvertible {
    let description: String
    /// Another program has the SQLite file locked: it ends by itself, as a rule.
    private(set) var isLocked = false

    init(_ description: String) {
        self.description = description
    }

    init(_ error: SystemError, address: SocketAddress) {
        switch error.code {
        case EADDRINUSE:
            description = "port \(address.port) is in use: another process listens on \(address) (choose another PORT)"
        case EACCES:
            description = "not allowed to listen on \(address): ports below 1024 need a privilege (choose another PORT)"
        case EADDRNOTAVAIL: description = "\(address.host) is no address of this machine (HOST)"
        default: description = "\(error)"
        }
    }

    init(_ error: SystemError) {
        description = "\(error)"
    }

    init(_ error: SQLiteError, file: String) {
        let why =
            if error.isCantOpen {
                "it cannot be opened: its folder is not there, or may not be written"
            } else if error.isNotADatabase {
                "it is no SQLite database"
            } else if error.isReadOnly {
                "it may not be written"
            } else if error.isBusy {
                "another program has it locked"
            } else if error.isFull {
                "the disk is full"
            } else {
                "SQLite says: \(error)"
            }
        description = "\(file): \(why) (SCORES_FILE, DATABASE_URL)"
        isLocked = error.isBusy
    }
}
