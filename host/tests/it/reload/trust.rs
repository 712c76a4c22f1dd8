//! Whose builds are loaded, with signatures as authors make them.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::event::Event;
use domain::ids::{PluginName, Sha256Hex};
use domain::plugin::Signatures;
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;

use crate::support::builds::good;
use crate::support::house::{Blueprint, House};

/// An author with a key pair, made by the `openssl` command.
struct Author {
    folder: TempDir,
}

impl Author {
    /// None, if this machine's `openssl` is missing or too old for Ed25519.
    fn new() -> Option<Self> {
        let author = Self { folder: tempfile::tempdir().unwrap() };
        let made = author.openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"]);
        let signs = made.and_then(|_| {
            std::fs::write(author.folder.path().join("try"), b"x").unwrap();
            author.openssl(&[
                "pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-in", "try", "-out", "try.sig",
            ])
        });
        if signs.is_none() {
            eprintln!("skipped: there is no `openssl` that signs with Ed25519 (3.0 or newer)");
        }
        signs.map(|_| author)
    }

    /// As `openssl pkey -pubout -outform DER | base64` prints it.
    fn public_key(&self) -> String {
        let der = self.openssl(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]).unwrap();
        BASE64_STANDARD.encode(der)
    }

    /// Signs a file, as docs tell authors to.
    fn sign(&self, file: &Path) {
        let signature = signature(file);
        let [file, signature] = [file, &signature].map(|path| path.to_str().unwrap());
        let line = ["pkeyutl", "-sign", "-inkey", "key.pem", "-rawin", "-in", file, "-out", signature];
        self.openssl(&line).unwrap();
    }

    /// What it printed, if it ended well.
    fn openssl(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().ok()?;
        output.status.success().then_some(output.stdout)
    }
}

fn signature(file: &Path) -> PathBuf {
    file.with_extension("wasm.sig")
}

fn file(house: &House) -> PathBuf {
    house.config.plugins.dir.join("own.wasm")
}

/// A house that loads what this author has signed, and has never compiled anything before.
async fn house(author: Author) -> (House, Author, TempDir) {
    let cache = tempfile::tempdir().unwrap();
    let (key, folder) = (author.public_key(), cache.path().to_owned());
    let (author, signing) = (std::sync::Arc::new(author), cache);
    let signs = std::sync::Arc::clone(&author);
    let house = Blueprint::of(&[])
        .own_plugin(good(1))
        .config(move |config| {
            config.plugins.signatures = Signatures::Strict;
            config.plugins.trusted_keys = vec![key];
            config.plugins.cache_dir = Some(folder);
            signs.sign(&config.plugins.dir.join("own.wasm"));
        })
        .build()
        .await;
    (house, std::sync::Arc::into_inner(author).unwrap(), signing)
}

/// What was told since the last look.
fn told(events: &mut Receiver<Event>) -> Vec<Result<u64, (&'static str, String)>> {
    let told = std::iter::from_fn(|| events.try_recv().ok());
    told.filter_map(|event| match event {
        Event::PluginLoaded { generation, .. } => Some(Ok(generation.0)),
        Event::PluginRefused { stage, cause, .. } => Some(Err((stage, cause))),
        _ => None,
    })
    .collect()
}

fn compiled(house: &House) -> (usize, usize) {
    house.runner.deps().registry.engine().cache_uses()
}

fn changed_byte(mut build: Vec<u8>) -> Vec<u8> {
    // The number at its end: it is as good a plugin as before, only another one.
    *build.last_mut().unwrap() ^= 1;
    build
}

#[tokio::test]
async fn a_build_signed_with_openssl_is_loaded_and_a_changed_byte_is_refused_before_it_is_compiled() {
    let Some(author) = Author::new() else { return };
    let (house, author, _cache) = house(author).await;
    assert_eq!(house.own().serving.unwrap().0, 1);
    let mut events = house.runner.deps().events.listen();
    let before = compiled(&house);

    house.reload(&changed_byte(good(1))).await;
    let refused = "its signature was made for other bytes, or by none of the 1 keys in plugins.trusted_keys";
    assert_eq!(told(&mut events), [Err(("trust", refused.to_owned()))]);
    std::fs::remove_file(signature(&file(&house))).unwrap();
    house.runner.reloader().rescan().await;
    let unsigned = "it has no signature, and plugins.signatures is \"strict\"";
    assert_eq!(told(&mut events), [Err(("trust", unsigned.to_owned()))]);
    std::fs::write(signature(&file(&house)), vec![b'A'; 100_000]).unwrap();
    house.runner.reloader().rescan().await;
    let nonsense = "its signature file holds no Ed25519 signature";
    assert_eq!(told(&mut events), [Err(("trust", nonsense.to_owned()))]);
    assert_eq!(compiled(&house), before, "none of them was given to the compiler");
    assert_eq!(house.own().serving.unwrap().0, 1);

    // The same bytes, now with their signature: it came after the file, as files do.
    author.sign(&file(&house));
    house.runner.reloader().rescan().await;
    assert!(matches!(told(&mut events)[..], [Ok(_)]), "the signature is what was missing");
    assert_ne!(compiled(&house), before);
}

#[tokio::test]
async fn a_build_that_comes_before_its_signature_is_loaded_when_that_comes() {
    let Some(author) = Author::new() else { return };
    let (house, author, _cache) = house(author).await;
    for number in 2..4 {
        let mut events = house.runner.deps().events.listen();
        // Somebody copies both, one after the other, and the host looks in between.
        house.reload(&good(number)).await;
        assert!(
            matches!(told(&mut events)[..], [Err(("trust", _))]),
            "it has the signature of the one before"
        );
        author.sign(&file(&house));
        house.runner.reloader().rescan().await;
        assert!(matches!(told(&mut events)[..], [Ok(_)]), "build {number}");
    }
    // The signature is kept with the build, and is asked for again when that comes back.
    house.runner.reloader().rollback(&PluginName::new("own")).await.unwrap();
    let house = house.restart().await;
    assert_eq!(house.complaints, [] as [String; 0]);
}

#[tokio::test]
async fn a_pin_lets_no_other_build_in_whoever_has_signed_it() {
    let pinned = Sha256Hex::of(&good(2));
    let pin = pinned.clone();
    let house = Blueprint::of(&[])
        .own_plugin(good(1))
        .config(move |config| {
            config.plugins.pins.insert(PluginName::new("own"), pin);
        })
        .build_with_complaints()
        .await;
    let [complaint] = &house.complaints[..] else { panic!("{:?}", house.complaints) };
    let digest = Sha256Hex::of(&good(1));
    assert!(complaint.contains(&format!("its sha256 is {digest}, but {pinned} is pinned")), "{complaint}");
    assert!(complaint.contains("stage: trust"), "{complaint}");
    assert!(complaint.contains(&format!("plugins.pins.own = \"{digest}\"")), "{complaint}");
    let mut events = house.runner.deps().events.listen();
    house.reload(&good(2)).await;
    assert!(matches!(told(&mut events)[..], [Ok(_)]));
    house.reload(&good(3)).await;
    assert!(matches!(told(&mut events)[..], [Err(("trust", _))]));
    assert_eq!(*house.runner.deps().registry.current(&PluginName::new("own")).unwrap().digest(), pinned);
}
