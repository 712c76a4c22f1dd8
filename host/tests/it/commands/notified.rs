//! What systemd is told by `run`: a socket takes its place.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::Shell;

/// Long enough for anything that is said at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that is told until something of it begins so.
fn until(socket: &UnixDatagram, begin: &str) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let mut message = [0; 4096];
        let length = socket.recv(&mut message).unwrap_or_else(|error| panic!("{error} after {told:?}"));
        let text = String::from_utf8(message[..length].to_vec()).unwrap();
        told.extend(text.lines().map(str::to_owned));
        if told.iter().any(|line| line.starts_with(begin)) {
            return told;
        }
    }
}

#[test]
fn systemd_is_told_that_the_daemon_is_ready_lives_reads_its_configuration_anew_and_stops() {
    let shell = Shell::new();
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let socket = UnixDatagram::bind(shell.path("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = shell.path("notify").display().to_string();
    let shell = shell.with("NOTIFY_SOCKET", &path).with("WATCHDOG_USEC", "30000000");
    let daemon = shell.start("run --json");
    assert_eq!(until(&socket, "READY=1"), ["READY=1"], "nothing before");
    let status = "STATUS=0 turns under way; no ticks, for want of keys";
    assert_eq!(until(&socket, "WATCHDOG=1"), [status, "WATCHDOG=1"]);
    until(&socket, "WATCHDOG=1");

    daemon.send("-HUP");
    let told = until(&socket, "READY=1");
    let since = told.iter().position(|line| line == "RELOADING=1").expect("it says so first");
    assert!(told[since + 1].starts_with("MONOTONIC_USEC="), "{told:?}");

    daemon.send("-TERM");
    let told = until(&socket, "STOPPING=1");
    assert!(!told.iter().any(|line| line.starts_with("READY")), "{told:?}");
    assert_eq!(daemon.ended().code(), Some(0));
}

#[test]
fn who_wants_no_sign_of_life_gets_none_and_without_systemd_nothing_is_told() {
    let shell = Shell::new();
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let socket = UnixDatagram::bind(shell.path("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = shell.path("notify").display().to_string();
    let shell = shell.with("NOTIFY_SOCKET", &path);
    let daemon = shell.start("run --json");
    until(&socket, "STATUS=0 turns");
    daemon.send("-TERM");
    let told = until(&socket, "STOPPING=1");
    assert_eq!(told, ["STOPPING=1"], "no WATCHDOG=1 among them");
    assert_eq!(daemon.ended().code(), Some(0));
}
