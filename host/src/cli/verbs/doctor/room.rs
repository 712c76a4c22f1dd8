//! Whether there is room where the program writes.

use std::path::Path;

use super::finding::Look;
use crate::cli::{load, size};
use crate::config::Config;
use crate::disk::{self, Room};

/// Below that no day goes well: a ledger and a compiled plugin need as much.
const NOTHING: u64 = 100 << 20;
/// Below that and this part of the whole it is time to make room.
const LITTLE: u64 = 1 << 30;
const PART: u64 = 20;

/// Looks at the disks of the ledger, of compiled code and of temporary files.
pub(super) fn look(config: &Config) -> Look {
    let mut look = Look::at("disk");
    let ledger = load::ledger(config).ok();
    let builds = ledger.as_ref().map(|ledger| load::builds_dir(config, ledger));
    let temporary = std::env::temp_dir();
    let places = [
        ("the ledger", ledger.as_ref().and_then(|ledger| ledger.file())),
        ("kept builds", builds.as_deref()),
        ("compiled plugins", config.plugins.cache_dir.as_deref()),
        ("temporary files", Some(temporary.as_path())),
    ];
    let mut seen = Vec::new();
    for (whose, path) in places {
        let Some(path) = path else { continue };
        match disk::room(path) {
            // One disk is told of once.
            Ok(room) if seen.contains(&room.all) => {}
            Ok(room) => {
                seen.push(room.all);
                judge(&mut look, whose, path, room);
            }
            Err(cause) => look.left_out.push(format!("the disk of {}: {cause}", path.display())),
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
