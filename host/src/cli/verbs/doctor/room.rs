//! Whether there is room where the program writes.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::Look;
use crate::aside::Aside;
use crate::cli::{load, size};
use crate::config::Config;
use crate::disk::{self, Room};

/// Below that no day goes well: a ledger and a compiled plugin need as much.
const NOTHING: u64 = 100 << 20;
/// Below that and this part of the whole it is time to make room.
const LITTLE: u64 = 1 << 30;
const PART: u64 = 20;

/// How long a disk may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at the disks of the ledger, of compiled code and of temporary files.
pub(super) async fn look(config: &Config) -> Look {
    let ledger = load::ledger(config).ok();
    let builds = ledger.as_ref().map(|ledger| load::builds_dir(config, ledger));
    let places = [
        ("the ledger", ledger.as_ref().and_then(|ledger| ledger.file()).map(Path::to_owned)),
        ("kept builds", builds),
        ("compiled plugins", config.plugins.cache_dir.clone()),
        ("temporary files", Some(std::env::temp_dir())),
    ];
    let places = places.into_iter().filter_map(|(whose, path)| Some((whose, path?)));
    look_at(places, PATIENCE, |path| Ok((disk::device(path)?, disk::room(path)?))).await
}

/// The same, where `ask` says which disk a path is on, and what room is there.
async fn look_at(
    places: impl Iterator<Item = (&str, PathBuf)>,
    patience: Duration,
    ask: fn(&Path) -> io::Result<(u64, Room)>,
) -> Look {
    let mut look = Look::at("disk");
    let mut seen = Vec::new();
    for (whose, path) in places {
        let asked = path.clone();
        // A place to ask for each: one that hangs keeps nobody from asking after the others.
        match Aside::new(patience).ask(move || ask(&asked)).await {
            // One disk is told of once.
            Ok(Ok((device, _))) if seen.contains(&device) => {}
            Ok(Ok((device, room))) => {
                seen.push(device);
                judge(&mut look, whose, &path, room);
            }
            Ok(Err(cause)) => look.left_out.push(format!("the disk of {}: {cause}", path.display())),
            Err(silent) => {
                look.wrong(
                    format!("the disk of {whose} does not answer"),
                    Some(path.display().to_string()),
                    silent.to_string(),
                    "look whether it is mounted and its server is up (`mount`, `df`)",
                );
            }
        }
    }
    look
}

fn judge(look: &mut Look, whose: &str, path: &Path, room: Room) {
    let free = size(usize::try_from(room.free).unwrap_or(usize::MAX));
    let state = match room {
        Room { free: 0, .. } => "full",
        Room { free, .. } if free < NOTHING => "as good as full",
        Room { free, all } if free < LITTLE && free < all / PART => "nearly full",
        _ => return look.sound.push(format!("{free} are free for {whose}")),
    };
    look.wrong(
        format!("the disk of {whose} is {state}: {free} are free"),
        Some(path.display().to_string()),
        "no turn is begun while the ledger cannot be written, and what grows is told in docs/operating.md, \"How much room it takes\"",
        "make room there (`df -h` and `du -sh` show where it went), or lower store.keep and let a day go by",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_disk_is_told_of_once_however_large_others_are_and_one_that_hangs_is_named() {
        let ask = |path: &Path| {
            let device = match path.to_str() {
                Some("/hangs") => loop {
                    std::thread::park();
                },
                Some("/other") => 2,
                _ => 1,
            };
            Ok((device, Room { free: 0, all: 10 << 30 }))
        };
        let places = [("a", "/one"), ("b", "/hangs"), ("c", "/one/below"), ("d", "/other")];
        let places = places.into_iter().map(|(whose, path)| (whose, PathBuf::from(path)));
        let look = look_at(places, Duration::from_millis(20), ask).await;
        let told: Vec<&str> = look.found.iter().map(|own| own.what.as_str()).collect();
        let full = |whose| format!("the disk of {whose} is full: 0 bytes are free");
        assert_eq!(told, [&full("a"), "the disk of b does not answer", &full("d")]);
    }

    #[test]
    fn a_disk_is_judged_by_what_is_free_of_it() {
        let (mib, gib) = (1 << 20, 1 << 30);
        for (free, all, says) in [
            (0, 10 * gib, Some("is full: 0 bytes are free")),
            (50 * mib, 10 * gib, Some("is as good as full: 50.0 MiB are free")),
            (50 * mib, 60 * mib, Some("as good as full")),
            (400 * mib, 100 * gib, Some("nearly full")),
            (400 * mib, 500 * mib, None),
            (2 * gib, 1000 * gib, None),
        ] {
            let mut look = Look::at("disk");
            judge(&mut look, "the ledger", Path::new("/var/lib/ledger.db"), Room { free, all });
            let told = look.found.first().map(|own| own.what.as_str());
            match says {
                Some(says) => assert!(told.is_some_and(|told| told.contains(says)), "{free}: {look:?}"),
                None => assert_eq!((told, look.sound.len()), (None, 1), "{free}"),
            }
            assert!(look.found.iter().all(|own| !own.cause.is_empty() && own.fix.starts_with("make room")));
        }
    }
}
