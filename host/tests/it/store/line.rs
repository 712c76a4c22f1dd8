//! A line to a PostgreSQL server that is cut just when it brings the answer to a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use peers::postgres::Database;
use persona_host::store::LedgerUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// How the server tells that it has committed.
const COMMITTED: &[u8] = b"COMMIT\0";

pub(super) struct Line {
    url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_to_be_cut: AtomicBool,
    /// The server's end of a line that is cut stays as it is: it notices nothing.
    leaves_the_far_end: AtomicBool,
    /// So many are not connected after it.
    refused: AtomicU32,
}

impl Line {
    pub(super) async fn to(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = database.url_through(listener.local_addr().unwrap().port());
        let state = Arc::<State>::default();
        tokio::spawn(serve(listener, database.socket(), Arc::clone(&state)));
        Self { url, state }
    }

    pub(super) fn url(&self) -> LedgerUrl {
        LedgerUrl::parse(&self.url).unwrap()
    }

    /// Cuts it at the next answer to a commit, and refuses so many connections then.
    pub(super) fn cut(&self, leaves_the_far_end: bool, refused: u32) {
        self.state.leaves_the_far_end.store(leaves_the_far_end, Ordering::SeqCst);
        self.state.refused.store(refused, Ordering::SeqCst);
        self.state.is_to_be_cut.store(true, Ordering::SeqCst);
    }

    /// Whether that has happened.
    pub(super) fn was_cut(&self) -> bool {
        !self.state.is_to_be_cut.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, server: std::path::PathBuf, state: Arc<State>) {
    while let Ok((near, _)) = listener.accept().await {
        let one_less = |left: u32| left.checked_sub(1);
        let was_cut = !state.is_to_be_cut.load(Ordering::SeqCst);
        if was_cut && state.refused.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            continue;
        }
        let far = UnixStream::connect(&server).await.unwrap();
        tokio::spawn(carry(near, far, Arc::clone(&state)));
    }
}

/// Carries what either says to the other, until one is gone or the line is cut.
async fn carry(mut near: TcpStream, mut far: UnixStream, state: Arc<State>) {
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = near.read(&mut asked) => match read {
                Ok(length) if length > 0 => far.write_all(&asked[..length]).await.unwrap(),
                _ => return,
            },
            read = far.read(&mut answered) => match read {
                Ok(length) if length > 0 => {
                    let answer = &answered[..length];
                    let is_commit = answer.windows(COMMITTED.len()).any(|own| own == COMMITTED);
                    if is_commit && state.is_to_be_cut.swap(false, Ordering::SeqCst) {
                        break;
                    }
                    if near.write_all(answer).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
    drop(near);
    if state.leaves_the_far_end.load(Ordering::SeqCst) {
        // Until the server itself ends it.
        while far.read(&mut answered).await.is_ok_and(|length| length > 0) {}
    }
}
