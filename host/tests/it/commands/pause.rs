//! `pause` and `resume` as they are typed, and the signals that do the same.

use super::{Shell, stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_is_paused_and_resumed_by_command_and_by_signal_and_a_pause_is_kept() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let missing = shell.error("pause", 74);
    assert!(missing["message"].as_str().unwrap().starts_with("there is no ledger at "), "{missing}");
    let ways = missing["hint"].as_str().unwrap_or_else(|| panic!("{missing}"));
    assert!(
        ["--url http://HOST:PORT", "--config", "PERSONA_STORE_URL"].iter().all(|way| ways.contains(way)),
        "{ways}"
    );

    let mut daemon = shell.start("run");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let told = shell.document(&format!("pause --now --url http://{address}"), 0);
    assert_eq!((&told["paused"], &told["stopped"]), (&true.into(), &0.into()), "{told}");
    daemon.logged("all personas are paused");
    shell.document(&format!("resume --url http://{address}"), 0);
    daemon.logged("the pause of all personas is over");
    let of_nobody = format!("pause --persona a+b@mana.test --url http://{address}");
    let nobody = shell.error(&of_nobody, 100);
    assert!(nobody["hint"].as_str().unwrap().contains("--anyway"), "{nobody}");
    shell.document(&format!("{of_nobody} --anyway"), 0);
    assert_eq!(daemon.logged("a persona is paused")["email"], "a+b@mana.test");
    let told = shell.document(&format!("resume --persona a+b --url http://{address}"), 0);
    assert_eq!((&told["persona"], &told["wasPaused"]), (&"a+b@mana.test".into(), &true.into()), "{told}");
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
    // In the ledger, while nobody has it.
    let everybody = shell.document("pause --persona persona. --anyway --reason lunch", 0);
    assert_eq!(
        (&everybody["persona"], &everybody["reason"]),
        (&"persona.".into(), &"lunch".into()),
        "{everybody}"
    );
    let again = shell.call("pause --persona persona. --anyway --reason supper");
    let kept = "because \"lunch\"; the reason given now is not kept";
    assert!(
        again.stdout.contains("it was paused already, since ") && again.stdout.contains(kept),
        "{again:?}"
    );
    assert_eq!(shell.error("pause --persona persona.zoe@mana.test", 100)["exit"], 100);
    assert_eq!(shell.error("pause --persona ", 2)["exit"], 2);
    let general = shell.call("resume");
    assert!(general.stdout.contains("still paused by address: persona.; "), "{general:?}");
    shell.document("pause", 0);
    shell.document("resume --persona persona.", 0);
    let tick = shell.document("tick", 0);
    assert!(tick["paused"]["why"].as_str().unwrap().starts_with("all personas are paused since "), "{tick}");
    assert!(tick["paused"]["hint"].as_str().unwrap().contains("persona-host resume"), "{tick}");
    let said = shell.call("tick");
    assert!(said.stdout.starts_with("nobody plays: all personas are paused since "), "{said:?}");
    shell.document("tick --persona persona.anna@mana.test", 100);
    let resumed = shell.document("resume", 0);
    assert_eq!((&resumed["paused"], &resumed["wasPaused"]), (&false.into(), &true.into()));
    let mut daemon = shell.start("run");
    assert_eq!(daemon.logged("persona-host listens")["paused"], false);
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}
