//! The plain mode: a session as lines, for screen readers, logs and terminals that can do no more.
//!
//! What the session comes to know is told as it comes, once; what changes is told again. Commands are read
//! as lines, by the names that the palette of the screens has. No line holds an escape sequence.

mod answer;
mod recorded;
mod tell;
mod upgrade;

use std::io::{self, BufRead as _, Write};
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::actions::runner::Order;
use crate::session::{Handle, Kind, Request, Snapshot, TerminalRequest};
use crate::ui::steps;

pub use recorded::{TellError, recorded};

use answer::Answer;
use tell::Teller;
use upgrade::Guide;

/// The lines of standard input, until it ends.
///
/// They are read by a thread of their own that nobody waits for: a read from a terminal cannot be taken back.
pub fn stdin() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Tells a session as lines until `quit` is read. Where `lines` end before, it ends when everything was read
/// once and the verdict was told.
///
/// # Errors
/// When `out` refuses; that its reader has gone away is no error but the end.
pub async fn run(
    handle: Handle,
    lines: mpsc::Receiver<String>,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    match tell(handle, lines, out).await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

async fn tell(
    mut handle: Handle,
    mut lines: mpsc::Receiver<String>,
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let (mut teller, mut guide) = (Teller::default(), Guide::default());
    let (mut more_lines, mut more_snapshots, mut more_requests) = (true, true, true);
    let mut snapshot = Arc::clone(&handle.snapshots.borrow_and_update());
    write(out, teller.tell(&snapshot))?;
    loop {
        if !more_lines && (teller.is_complete() || !more_snapshots) {
            return Ok(());
        }
        tokio::select! {
            changed = handle.snapshots.changed(), if more_snapshots => {
                more_snapshots = changed.is_ok();
                snapshot = Arc::clone(&handle.snapshots.borrow_and_update());
                write(out, teller.tell(&snapshot))?;
                write(out, guide.tell(&snapshot))?;
            }
            line = lines.recv(), if more_lines => match line.as_deref().map(str::trim) {
                None => more_lines = false,
                Some("") => {}
                Some(line) => match answer::answer(line, &snapshot, &teller, &mut guide) {
                    Answer::Quit => return write(out, farewell(&snapshot)),
                    Answer::Lines(lines) => write(out, lines)?,
                    Answer::Order(order) => {
                        write(out, give(&handle, order).await)?;
                        // What came of it is known by now, and the next line is about that.
                        snapshot = Arc::clone(&handle.snapshots.borrow_and_update());
                        write(out, teller.tell(&snapshot))?;
                        write(out, guide.tell(&snapshot))?;
                    }
                    Answer::Ask(request, says) => {
                        let says = match handle.requests.try_send(request) {
                            Ok(()) => says,
                            Err(TrySendError::Full(_)) => "the session is busy; ask again".to_owned(),
                            Err(TrySendError::Closed(_)) => "this session can be asked for nothing".to_owned(),
                        };
                        write(out, vec![says])?;
                    }
                },
            },
            request = handle.terminal.recv(), if more_requests => match request {
                Some(request) => lend(request, out).await?,
                None => more_requests = false,
            },
        }
    }
}

/// What is said of a step that is under way when one leaves.
fn farewell(snapshot: &Snapshot) -> Vec<String> {
    let recorded = matches!(snapshot.kind, Kind::Recording { .. } | Kind::Replay { .. });
    let upgrade = snapshot.upgrade.as_ref().filter(|_| !recorded);
    upgrade.and_then(|upgrade| steps::farewell(upgrade, &snapshot.kind)).into_iter().collect()
}

/// Gives an order, and says if it was refused; what comes of it is in the newest snapshot then.
async fn give(handle: &Handle, order: Order) -> Vec<String> {
    let (reply, answer) = oneshot::channel();
    let gone = || vec!["this session can be asked for nothing".to_owned()];
    if handle.requests.send(Request::Order(order, reply)).await.is_err() {
        return gone();
    }
    match answer.await {
        Ok(Ok(())) => Vec::new(),
        Ok(Err(refusal)) => vec![format!("refused: {refusal}")],
        Err(_) => gone(),
    }
}

/// Tells nothing until whoever asks for the terminal has given it back.
async fn lend(request: TerminalRequest, out: &mut (dyn Write + Send)) -> io::Result<()> {
    write(out, vec![request.why])?;
    if request.granted.send(()).is_ok() {
        // That it was dropped says the same.
        let _ = request.done.await;
    }
    Ok(())
}

/// Writes lines, each cleaned of what could move a cursor.
fn write(out: &mut (dyn Write + Send), lines: Vec<String>) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{}", crate::text::clean(&line))?;
    }
    out.flush()
}

#[cfg(test)]
mod tests;
