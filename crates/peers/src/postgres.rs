//! One PostgreSQL server for the whole test binary, on a Unix socket in a folder of its own, and a fresh
//! database for each test.
//!
//! A shell stands between us and the server: it waits for the end of its standard input, which comes
//! when this process ends in whatever way, then stops the server and removes the folder.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Set to `1` where PostgreSQL cannot be had.
const SKIP: &str = "PERSONA_HOST_SKIP_POSTGRES";

const MISSING: &str = "PostgreSQL's server programs are not on this machine: `apt-get install postgresql`, \
                       or set PERSONA_HOST_SKIP_POSTGRES=1 to leave these tests out";

/// Runs as the server's user. `$1` is the folder of the programs.
const GUARD: &str = r#"
set -eu
dir=$(mktemp -d "${TMPDIR:-/tmp}/persona-host-postgres.XXXXXX")
log="$dir/log"
trap 'test -s "$log" && tail -n 20 "$log" >&2; rm -rf "$dir"' EXIT
trap '' INT TERM
"$1/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$log" 2>&1
"$1/postgres" -D "$dir/data" -k "$dir" -F -c listen_addresses= -c max_connections=400 >"$log" 2>&1 </dev/null &
server=$!
tries=0
until "$1/pg_isready" -q -h "$dir"; do
    tries=$((tries + 1))
    if test "$tries" -gt 600 || ! kill -0 "$server"; then kill "$server"; exit 1; fi
    sleep 0.05
done
echo "$dir"
cat >/dev/null
kill -INT "$server"
wait "$server" || true
: >"$log"
"#;

/// A database of its own.
#[derive(Debug)]
pub struct Database {
    socket: &'static Path,
    name: String,
}

struct Server {
    socket: PathBuf,
    programs: PathBuf,
    /// Never asked for anything: its standard input is open as long as we live.
    _guard: Child,
}

/// A fresh database, or `None` when these tests are to be left out.
///
/// # Panics
/// With a sentence that says what to install, when the server programs are missing.
pub fn database() -> Option<Database> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(1);
    if std::env::var(SKIP).is_ok_and(|value| value == "1") {
        return None;
    }
    let server = SERVER.get_or_init(start);
    let database =
        Database { socket: &server.socket, name: format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed)) };
    let created = Command::new(server.programs.join("createdb"))
        .args(["-U", "postgres", "-h"])
        .args([server.socket.as_os_str(), database.name.as_ref()])
        .output()
        .unwrap();
    assert!(created.status.success(), "createdb: {}", String::from_utf8_lossy(&created.stderr));
    Some(database)
}

impl Database {
    /// Where it is, as a URL.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/{}?host={}", self.name, self.socket.display())
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

fn start() -> Server {
    let programs = programs().expect(MISSING);
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    // The server refuses to be started by root; Debian's package makes a user for it.
    let mut command = Command::new(if is_root { "setpriv" } else { "sh" });
    if is_root {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
    }
    let mut guard = command
        .args(["-c", GUARD, "guard"])
        .arg(&programs)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "PostgreSQL did not start; what it said stands above");
    Server { socket: PathBuf::from(line.trim_end()), programs, _guard: guard }
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
