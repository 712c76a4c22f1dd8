//! `pause` and `resume` as they are typed, and the signals that do the same.

use super::{Shell, stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_is_paused_and_resumed_by_command_and_by_signal_and_a_pause_is_kept() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let missing = shell.error("pause", 74);
    assert!(missing["message"].as_str().unwrap().starts_with("there is no ledger at "), "{missing}");

    let mut daemon = shell.start("run");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let told = shell.document(&format!("pause --now --url http://{address}"), 0);
    assert_eq!((&told["paused"], &told["stopped"]), (&true.into(), &0.into()), "{told}");
    daemon.logged("all personas are paused");
    shell.document(&format!("resume --url http://{address}"), 0);
    daemon.logged("the pause of all personas is over");
    shell.document(&format!("pause --persona a+b@mana.test --url http://{address}"), 0);
    assert_eq!(daemon.logged("a persona is paused")["email"], "a+b@mana.test");
    daemon.send("-USR1");
    daemon.logged("all personas are paused");
    daemon.send("-USR2");
    daemon.logged("the pause of all personas is over");
    daemon.send("-USR1");
    daemon.logged("all personas are paused");
    assert_eq!(daemon.terminate().code(), Some(0));

    let mut daemon = shell.start("run");
    assert_eq!(daemon.logged("persona-host listens")["paused"], true);
    assert_eq!(daemon.terminate().code(), Some(0));
    assert_eq!(shell.document("resume", 0)["paused"], false, "in the ledger, while nobody has it");
    let mut daemon = shell.start("run");
    assert_eq!(daemon.logged("persona-host listens")["paused"], false);
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}
