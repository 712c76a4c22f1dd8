//! One PostgreSQL server for the whole test binary, on a Unix socket in a folder of its own, and a fresh
//! database for each test.
//!
//! A shell stands between us and the server: it waits for the end of its standard input, which comes
//! when this process ends in whatever way, then stops the server and removes the folder.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// Set to `1` where PostgreSQL cannot be had.
const SKIP: &str = "PERSONA_HOST_SKIP_POSTGRES";

const MISSING: &str = "PostgreSQL's server programs are not on this machine: `apt-get install postgresql`, \
                       or set PERSONA_HOST_SKIP_POSTGRES=1 to leave these tests out";

/// Runs as the server's user. `$1` is the folder of the programs. Each order that it reads is answered with a line when
/// it is carried out.
const GUARD: &str = r#"
set -eu
programs=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/persona-host-postgres.XXXXXX")
log="$dir/log"
trap 'test -s "$log" && tail -n 20 "$log" >&2; rm -rf "$dir"' EXIT
trap '' INT TERM
start() {
    "$programs/postgres" -D "$dir/data" -k "$dir" -F -c listen_addresses= -c max_connections=400 \
        >"$log" 2>&1 </dev/null &
    server=$!
    tries=0
    until "$programs/pg_isready" -q -h "$dir"; do
        tries=$((tries + 1))
        if test "$tries" -gt 600 || ! kill -0 "$server"; then kill "$server"; exit 1; fi
        sleep 0.05
    done
}
# All of it stands still, as on a machine that does not come to it: connections stay, and nothing answers.
signal_all() {
    kill "-$1" "$server"
    # One may have ended since.
    kill "-$1" $(cat "/proc/$server/task/$server/children") || true
}
stop() {
    # Also those that a test has let stand still, or it would wait for them for ever.
    signal_all CONT 2>/dev/null || true
    kill "-$1" "$server" || true
    wait "$server" || true
    : >"$log"
}
"$programs/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$log" 2>&1
start
echo "$dir"
while read -r order; do
    case $order in
        start) start ;;
        stop) stop INT ;;
        crash) stop QUIT ;;
        hang) signal_all STOP ;;
        'go on') signal_all CONT ;;
    esac
    echo "$order"
done
stop INT
"#;

/// A database of its own.
#[derive(Clone, Debug)]
pub struct Database {
    socket: PathBuf,
    name: String,
}

/// A server. It ends with this, or with this process.
#[derive(Debug)]
pub struct Server {
    socket: PathBuf,
    programs: PathBuf,
    databases: AtomicU32,
    guard: Mutex<Guard>,
}

#[derive(Debug)]
struct Guard {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    _child: Child,
}

/// Whether these tests are to be left out.
pub fn is_left_out() -> bool {
    std::env::var(SKIP).is_ok_and(|value| value == "1")
}

/// A fresh database, or `None` when these tests are to be left out.
///
/// # Panics
/// With a sentence that says what to install, when the server programs are missing.
pub fn database() -> Option<Database> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    (!is_left_out()).then(|| SERVER.get_or_init(Server::begin).database())
}

/// A server that nobody else has, to be stopped and started, or `None` when these tests are to be left out.
///
/// # Panics
/// With a sentence that says what to install, when the server programs are missing.
pub fn server() -> Option<Server> {
    (!is_left_out()).then(Server::begin)
}

impl Server {
    /// A fresh database.
    pub fn database(&self) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let database = Database { socket: self.socket.clone(), name: format!("test_{number}") };
        let created = Command::new(self.programs.join("createdb"))
            .args(["-U", "postgres", "-h"])
            .args([database.socket.as_os_str(), database.name.as_ref()])
            .output()
            .unwrap();
        assert!(created.status.success(), "createdb: {}", String::from_utf8_lossy(&created.stderr));
        database
    }

    /// Stops it as its machine would: who is connected is sent away.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Ends it in the middle of everything.
    pub fn crash(&self) {
        self.order("crash");
    }

    /// Lets it stand still: whoever is connected stays so, and nobody is answered.
    pub fn hang(&self) {
        self.order("hang");
    }

    /// Lets it go on as if nothing had been.
    pub fn go_on(&self) {
        self.order("go on");
    }

    /// Starts it again.
    pub fn start(&self) {
        self.order("start");
    }

    fn order(&self, order: &str) {
        let mut guard = self.guard.lock().unwrap();
        writeln!(guard.orders, "{order}").unwrap();
        let mut answer = String::new();
        guard.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer.trim_end(), order, "PostgreSQL did not {order}; what it said stands above");
    }

    fn begin() -> Self {
        let programs = programs().expect(MISSING);
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        // The server refuses to be started by root; Debian's package makes a user for it.
        let mut command = Command::new(if is_root { "setpriv" } else { "sh" });
        if is_root {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        }
        let mut child = command
            .args(["-c", GUARD, "guard"])
            .arg(&programs)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "PostgreSQL did not start; what it said stands above");
        Self {
            socket: PathBuf::from(line.trim_end()),
            programs,
            databases: AtomicU32::new(1),
            guard: Mutex::new(Guard { orders, answers, _child: child }),
        }
    }
}

impl Database {
    /// Where it is, as a URL.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/{}?host={}", self.name, self.socket.display())
    }

    /// Where it is for who goes through this port of our machine.
    pub fn url_through(&self, port: u16) -> String {
        format!("postgres://postgres:hunter2@127.0.0.1:{port}/{}?sslmode=disable", self.name)
    }

    /// The socket of its server.
    pub fn socket(&self) -> PathBuf {
        self.socket.join(".s.PGSQL.5432")
    }

    /// Ends all other connections to it.
    pub fn hang_up(&self) {
        self.psql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
    }

    /// Whether nobody else is connected to it.
    pub fn is_alone(&self) -> bool {
        self.psql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        ) == "0\n"
    }

    /// What `psql` prints for this query: rows without decoration, columns parted by `|`.
    pub fn psql(&self, query: &str) -> String {
        let output = Command::new("psql")
            .args(["-U", "postgres", "-At", "-c", query, "-h"])
            .args([self.socket.as_os_str(), self.name.as_ref()])
            .output()
            .unwrap();
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The folder of the server programs. Debian keeps them out of the path, or links only some into it.
fn programs() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let in_path = std::env::var_os("PATH");
    let in_path = in_path.iter().flat_map(std::env::split_paths);
    let needed = ["initdb", "postgres", "pg_isready", "createdb"];
    let folders = debian.map(|version| version.path().join("bin")).chain(in_path);
    folders.filter(|folder| needed.iter().all(|program| folder.join(program).exists())).max()
}
