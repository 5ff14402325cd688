//! The desk of a cockpit: before the screens are up it is a plain terminal, afterwards the screens lend it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::TerminalRequest;
use crate::cluster::credentials::{CommandLine, Consent, Desk, Terminal, TerminalDesk};
use crate::text::Text;

/// The desk that credential plugins ask at.
pub struct CockpitDesk {
    plain: TerminalDesk,
    screens_up: Arc<AtomicBool>,
    requests: mpsc::Sender<TerminalRequest>,
}

/// Turns the desk over to the screens.
pub struct Lender {
    screens_up: Arc<AtomicBool>,
    requests: mpsc::Receiver<TerminalRequest>,
}

/// A desk that is a plain terminal until [`Lender::start`].
pub fn cockpit(plain: TerminalDesk) -> (CockpitDesk, Lender) {
    let screens_up = Arc::new(AtomicBool::new(false));
    let (sender, requests) = mpsc::channel(1);
    (
        CockpitDesk { plain, screens_up: Arc::clone(&screens_up), requests: sender },
        Lender { screens_up, requests },
    )
}

/// The end of a session in which nobody will ask for the terminal.
pub fn nobody() -> mpsc::Receiver<TerminalRequest> {
    mpsc::channel(1).1
}

impl Lender {
    /// From now on the screens hold the terminal, and lend it on request.
    pub fn start(self) -> mpsc::Receiver<TerminalRequest> {
        self.screens_up.store(true, Ordering::SeqCst);
        self.requests
    }
}

impl CockpitDesk {
    /// Asks the screens for the terminal; until what comes back is dropped it is free.
    async fn borrow(&self, why: String) -> Option<oneshot::Sender<()>> {
        let (granted, grant) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        self.requests.send(TerminalRequest { why, granted, done: finished }).await.ok()?;
        grant.await.ok()?;
        Some(done)
    }
}

impl Desk for CockpitDesk {
    fn consent<'a>(&'a self, user: &'a Text, command: &'a CommandLine) -> BoxFuture<'a, Consent> {
        if !self.screens_up.load(Ordering::SeqCst) {
            return self.plain.consent(user, command);
        }
        Box::pin(async move {
            let why = format!("user {user} gets new credentials by running: {}", command.shown());
            match self.borrow(why).await {
                Some(_done) => self.plain.consent(user, command).await,
                None => Consent::Nobody,
            }
        })
    }

    fn lend(&self) -> BoxFuture<'_, Terminal> {
        if !self.screens_up.load(Ordering::SeqCst) {
            return self.plain.lend();
        }
        Box::pin(async move {
            match self.borrow("the kubeconfig's credential command runs".to_owned()).await {
                Some(done) => Terminal::lent(done),
                None => Terminal::none(),
            }
        })
    }
}
