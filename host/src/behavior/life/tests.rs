//! The table, told as stories: what happens, and what is done then.

use chrono::DateTime;

use super::Happens;
use super::story::Story;
use crate::behavior::record::Occasion;
use domain::plugin::CanaryPlan;

/// Tells each story line by line: what happens, and what is done then.
#[track_caller]
fn check(story: &[(&str, &str)]) {
    let mut told = Story::default();
    for (number, (happens, does)) in story.iter().enumerate() {
        assert_eq!(told.tell(happens), *does, "line {number}: {happens}");
    }
}

#[test]
fn a_build_that_shows_itself_takes_the_place_of_the_one_before() {
    check(&[
        ("turn own", "nothing"),
        ("start A", "load"),
        ("admit A", "live 1, keep 1"),
        ("turn own", "1"),
        ("file A", "serves 1"),
        ("reload A", "serves 1"),
        ("file B", "load"),
        ("admit B", "retire 1, live 2, keep 2"),
        ("turn own", "2"),
    ]);
}

#[test]
fn a_refused_build_changes_nothing_and_is_not_loaded_again_unless_somebody_asks() {
    check(&[
        ("start A", "load"),
        ("admit A", "live 1, keep 1"),
        ("file B", "load"),
        ("refuse B", ""),
        ("turn own", "1"),
        ("minutes 10000", ""),
        ("due-again", "false"),
        ("file B", "refused before"),
        ("file A", "serves 1"),
        ("file B", "refused before"),
        ("reload B", "load"),
        ("admit B", "retire 1, live 2, keep 2"),
        ("file A", "load"),
        ("file B", "serves 2"),
    ]);
}

#[test]
fn what_took_too_long_is_tried_again_later_each_time() {
    let mut story =
        vec![("start A", "load"), ("admit A", "live 1, keep 1"), ("file B", "load"), ("time-out B", "")];
    for (before, after) in
        [("minutes 0", "minutes 1"), ("minutes 1", "minutes 1"), ("minutes 3", "minutes 1")]
    {
        story.extend([(before, ""), ("due-again", "false"), ("file B", "known"), (after, "")]);
        story.extend([("due-again", "true"), ("file B", "load"), ("time-out B", "")]);
    }
    // Another file has no past.
    story.extend([("file C", "load"), ("time-out C", ""), ("minutes 1", ""), ("file C", "load")]);
    story.extend([("admit C", "retire 1, live 2, keep 2"), ("due-again", "false")]);
    check(&story);
    check(&[("unreadable", ""), ("due-again", "false"), ("minutes 1", ""), ("due-again", "true")]);
    // A signature that comes after it is seen, and nothing is waited for.
    check(&[("start A", "load"), ("distrust A", ""), ("due-again", "false"), ("file A", "load")]);
}

#[test]
fn what_could_not_be_read_and_can_be_again_is_not_read_again_and_again() {
    let live = [("start A", "load"), ("admit A", "live 1, keep 1")];
    let unreadable = [("unreadable", ""), ("minutes 1", ""), ("due-again", "true")];
    for (before, there, is_known) in [
        (&[][..], "file A", "serves 1"),
        (&[("file B", "load"), ("refuse B", "")], "file B", "refused before"),
        (&[("file B", "load"), ("try B", "on trial 2")], "file B", "known"),
        (
            &[
                ("kept C", ""),
                ("file B", "load"),
                ("try B", "on trial 2"),
                ("rollback", "retire 2, set aside B, serves 1"),
            ],
            "file B",
            "known",
        ),
    ] {
        check(&[&live[..], before, &unreadable, &[(there, is_known), ("due-again", "false")]].concat());
    }
}

#[test]
fn at_the_start_the_kept_builds_serve_for_a_file_that_is_no_good() {
    check(&[
        ("kept BC", ""),
        ("start A", "load"),
        ("refuse A", "load kept BC"),
        ("restore B", "live 1, keep 1"),
        ("gone", "orphaned"),
        ("gone", ""),
        ("file A", "there again, refused before"),
    ]);
    check(&[
        ("kept AB aside A", ""),
        ("start A", "load kept B"),
        ("restore B", "live 1, keep 1"),
        ("file A", "known"),
        ("reload A", "load"),
    ]);
    check(&[("kept A aside A", ""), ("start A", "load")]);
    // A kept build that was refused is not tried again and again.
    check(&[("kept AB", ""), ("start A", "load"), ("refuse A", "load kept B"), ("refuse B", "")]);
}

#[test]
fn a_trial_ends_well_after_enough_clean_turns() {
    check(&[
        ("start A", "load"),
        ("try A", "live 1, keep 1"),
        ("file B", "load"),
        ("try B", "on trial 2"),
        ("turn own", "on trial 2"),
        ("file B", "known"),
        ("clean 1", ""),
        ("clean 2", ""),
        ("clean 2", "retire 1, live 2, keep 2"),
        ("turn own", "2"),
        ("clean 2", ""),
    ]);
}

#[test]
fn a_trial_ends_badly_at_a_breakdown_or_after_two_turns_of_no_use() {
    for (turns, why) in [
        (&["clean 2", "broke 2"][..], "it broke down in a turn, after 1 of 2 clean turns"),
        (
            &["nothing-read 2", "nothing-read 2"],
            "it could read nothing in the replies of two turns, after 0 of 2 clean turns",
        ),
        (&["no-use 2", "no-use 2"], "its answers were of no use in two turns, after 0 of 2 clean turns"),
        (
            &["nothing-read 2", "clean 2", "no-use 2"],
            "its answers were of no use in two turns, after 1 of 2 clean turns",
        ),
    ] {
        let withdrawn = format!("withdrawn: {why}, set aside B");
        let mut story = vec![("start A", "load"), ("admit A", "live 1, keep 1"), ("file B", "load")];
        story.push(("try B", "on trial 2"));
        let (last, before) = turns.split_last().expect("there are turns");
        story.extend(before.iter().map(|turn| (*turn, "")));
        story.extend([(*last, withdrawn.as_str()), ("turn own", "1"), ("file B", "refused before")]);
        check(&story);
    }
}

#[test]
fn a_build_that_is_no_longer_in_the_folder_is_not_on_trial_any_more() {
    let on_trial =
        [("start A", "load"), ("admit A", "live 1, keep 1"), ("file B", "load"), ("try B", "on trial 2")];
    for removal in [
        &[("file A", "retire 2, serves 1")][..],
        &[("gone", "retire 2, orphaned")],
        &[("file C", "retire 2, load"), ("refuse C", "")],
        &[("reload A", "retire 2, serves 1")],
    ] {
        let after = [("clean 2", ""), ("clean 2", ""), ("turn own", "1")];
        check(&[&on_trial, removal, &after].concat());
    }
    check(&[&on_trial[..], &[("file C", "retire 2, load"), ("try C", "on trial 3")]].concat());
    check(&[&on_trial[..], &[("reload B", "load"), ("try B", "retire 2, on trial 3")]].concat());
    // It was taken away, and not found bad: it may come again.
    check(&[&on_trial[..], &[("file A", "retire 2, serves 1"), ("file B", "load")]].concat());
    // A disk that does not answer says nothing about what is on it.
    check(
        &[&on_trial[..], &[("unreadable", ""), ("clean 2", ""), ("clean 2", "retire 1, live 2, keep 2")]]
            .concat(),
    );
}

#[test]
fn strategies_that_the_live_build_leaves_out_are_looked_at_anew_with_each_build() {
    check(&[
        ("start A", "load"),
        ("admit-partly A", "live 1, keep 1"),
        ("turn own", "left out"),
        ("turn other", "1"),
        ("file B", "load"),
        ("admit B", "retire 1, live 2, keep 2"),
        ("turn own", "2"),
    ]);
    // Also one that is on trial first: whom nothing else serves gets it.
    check(&[
        ("start A", "load"),
        ("admit-partly A", "live 1, keep 1"),
        ("file B", "load"),
        ("try B", "on trial 2"),
        ("turn own", "on trial 2"),
        ("clean 2", ""),
        ("clean 2", "retire 1, live 2, keep 2"),
        ("turn own", "2"),
    ]);
    check(&[
        ("start A", "load"),
        ("admit-partly A", "live 1, keep 1"),
        ("file B", "load"),
        ("try-partly B", "on trial 2"),
        ("turn own", "left out"),
        ("turn other", "on trial 2"),
        ("clean 2", ""),
        ("clean 2", "retire 1, live 2, keep 2"),
        ("turn own", "left out"),
    ]);
}

#[test]
fn a_strategy_that_is_left_out_for_want_of_time_is_asked_about_again_later_each_time() {
    let start = [
        ("start A", "load"),
        ("admit-slowly A", "live 1, keep 1"),
        ("turn own", "left out"),
        ("to-ask", ""),
        ("minutes 1", ""),
        ("to-ask", "own"),
    ];
    let later = [
        ("still-slow 1", ""),
        ("to-ask", ""),
        ("minutes 1", ""),
        ("to-ask", ""),
        ("minutes 1", ""),
        ("to-ask", "own"),
    ];
    let at_last = [("takes-own 1", ""), ("turn own", "1"), ("minutes 100", ""), ("to-ask", "")];
    check(&[&start[..], &later, &at_last].concat());
    let after_all = [("refuses-own 1", ""), ("turn own", "left out"), ("minutes 100", ""), ("to-ask", "")];
    check(&[&start[..], &after_all].concat());
    // Another build went live while it was asked.
    let meanwhile = [("file B", "load"), ("admit-partly B", "retire 1, live 2, keep 2"), ("takes-own 1", "")];
    check(&[&start[..], &meanwhile, &[("turn own", "left out"), ("to-ask", "")]].concat());
    // What is left out for good is not asked about.
    check(&[("start A", "load"), ("admit-partly A", "live 1, keep 1"), ("minutes 100", ""), ("to-ask", "")]);
}

#[test]
fn a_trial_with_nobody_in_its_share_takes_in_the_first_who_comes_again() {
    let mut story = Story::default();
    for words in ["start A", "admit A", "file B"] {
        story.tell(words);
    }
    let plan = Some(CanaryPlan { share: 1e-9, clean_turns: 1 });
    let build = story.build("B", true);
    story.life.after(Happens::Admitted { build, occasion: Occasion::File, plan }, DateTime::UNIX_EPOCH);
    for (who, gets) in [
        ("anna", "1"),
        ("ben", "1"),
        ("ben", "on trial 2"),
        ("anna", "1"),
        ("carla", "1"),
        ("ben", "on trial 2"),
    ] {
        assert_eq!(story.turn_of(who, "own"), gets, "{who}");
    }
    assert_eq!(story.tell("clean 2"), "retire 1, live 2, keep 2");
}

#[test]
fn a_strategy_that_nothing_else_serves_gets_the_trial_whatever_its_share() {
    let mut story = Story::default();
    story.tell("start A");
    story.tell("admit-partly A");
    story.tell("file B");
    let plan = Some(CanaryPlan { share: 0.0, clean_turns: 1 });
    let build = story.build("B", true);
    story.life.after(Happens::Admitted { build, occasion: Occasion::File, plan }, DateTime::UNIX_EPOCH);
    assert_eq!((story.turn("own").as_str(), story.turn("other").as_str()), ("on trial 2", "1"));
}

#[test]
fn a_rollback_goes_to_the_newest_other_build_and_sets_aside_what_it_leaves() {
    check(&[
        ("rollback", ""),
        ("start A", "load"),
        ("admit A", "live 1, keep 1"),
        ("kept A", ""),
        ("rollback", ""),
        ("file B", "load"),
        ("admit B", "retire 1, live 2, keep 2"),
        ("kept BA", ""),
        ("rollback", "load kept A"),
        ("back A", "retire 2, set aside B, live 3, keep 3"),
        ("kept AB", ""),
        ("file B", "known"),
        ("rollback", ""),
        ("reload B", "load"),
        ("try B", "take back B, on trial 4"),
    ]);
}

#[test]
fn a_rollback_of_a_build_on_trial_leaves_the_live_one_where_it_is() {
    check(&[
        ("kept C", ""),
        ("start A", "load"),
        ("admit A", "live 1, keep 1"),
        ("file B", "load"),
        ("try B", "on trial 2"),
        ("rollback", "retire 2, set aside B, serves 1"),
        ("turn own", "1"),
        ("file B", "known"),
    ]);
}

#[test]
fn whoever_asks_for_what_was_set_aside_gets_it_also_if_the_disk_lags() {
    check(&[
        ("kept C", ""),
        ("start A", "load"),
        ("admit A", "live 1, keep 1"),
        ("file B", "load"),
        ("try B", "on trial 2"),
        ("rollback", "retire 2, set aside B, serves 1"),
        ("reload B", "load"),
        ("try B", "take back B, on trial 3"),
        ("kept AC aside B", ""),
        ("gone", "retire 3, orphaned"),
        ("file B", "there again, load"),
    ]);
    // The disk was silent at the start.
    check(&[
        ("start A", "load"),
        ("admit A", "live 1, keep 1"),
        ("file B", "load"),
        ("try B", "on trial 2"),
        ("kept AC aside ABC", ""),
        ("clean 2", ""),
        ("clean 2", "retire 1, live 2, keep 2"),
        ("file C", "known"),
    ]);
}

#[test]
fn what_stands_in_is_loaded_once_and_what_does_not_load_is_not_tried_at_each_turn() {
    let ill = [
        ("kept BA", ""),
        ("start C", "load"),
        ("admit C", "live 1, keep 1"),
        ("trap 1", ""),
        ("trap 1", ""),
        ("trap 1", "quarantine"),
        ("turn own", "quarantined"),
        ("in-place", "load BA"),
    ];
    check(&[&ill[..], &[("stand-in B", "stands in 2"), ("in-place", "2"), ("in-place", "2")]].concat());
    let later =
        [("no-stand-in for-now", ""), ("in-place", "nothing"), ("minutes 1", ""), ("in-place", "load BA")];
    check(&[&ill[..], &later, &later[..2], &[("minutes 1", ""), ("in-place", "nothing")]].concat());
    check(
        &[&ill[..], &[("no-stand-in for-good", ""), ("minutes 9999", ""), ("in-place", "nothing")]].concat(),
    );
    // Another live build has another one before it.
    let another = [("no-stand-in for-good", ""), ("file D", "load"), ("admit D", "retire 1, live 2, keep 2")];
    check(&[&ill[..], &another, &[("in-place", "load BA")]].concat());
    // While it was loaded, something good went live.
    let meanwhile = [("admit D", "retire 1, live 2, keep 2"), ("stand-in B", ""), ("turn own", "2")];
    check(&[&ill[..], &meanwhile].concat());
}

#[test]
fn one_turn_tries_what_is_quarantined_and_a_new_build_begins_with_a_clean_slate() {
    let ill = [
        ("start A", "load"),
        ("admit A", "live 1, keep 1"),
        ("trap 1", ""),
        ("trap 1", ""),
        ("trap 1", "quarantine"),
        ("turn own", "quarantined"),
        ("minutes 1", ""),
        ("turn own", "tries 1"),
        ("minutes 60", ""),
        ("turn own", "quarantined"),
    ];
    check(&[&ill[..], &[("answer 1", "recovered"), ("turn own", "1")]].concat());
    check(&[&ill[..], &[("trap 1", "quarantine"), ("turn own", "quarantined")]].concat());
    check(
        &[&ill[..], &[("file B", "load"), ("admit B", "retire 1, live 2, keep 2"), ("turn own", "2")]]
            .concat(),
    );
}
