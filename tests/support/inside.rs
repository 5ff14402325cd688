//! Parts of a test program inside a lab's network: threads of its own, and a connection that breaks off when told to.

#![allow(clippy::indexing_slicing, reason = "a test that is out of bounds fails, as it should")]
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::lab::Lab;

/// Does something in a thread that is in the lab's network, as are those that it starts, and waits for its result.
pub(crate) fn inside<T: Send + 'static>(
    lab: &Lab,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let network = lab.network();
    let thread = thread::spawn(move || {
        let network = std::fs::File::open(&network).with_context(|| network.display().to_string())?;
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).context("setns")?;
        work()
    });
    thread.join().map_err(|_| anyhow!("the thread inside the lab's network panicked"))?
}

/// A proxy that forwards connections to a server, until so many bytes have come from it in all.
pub(crate) struct Cutter {
    /// Where it listens, on loopback inside the lab's network.
    pub(crate) address: SocketAddr,
}

struct Cut {
    /// What may still come from the server.
    left: AtomicUsize,
    /// What happens then, once.
    then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Cutter {
    /// Starts one that ends with the test program. `then` happens before the byte after `bytes` is forwarded.
    pub(crate) fn start(
        lab: &Lab,
        server: SocketAddr,
        bytes: usize,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<Self> {
        let cut = Cut { left: AtomicUsize::new(bytes), then: Mutex::new(Some(Box::new(then))) };
        inside(lab, move || {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            let cut = Arc::new(cut);
            thread::spawn(move || {
                for client in listener.incoming().flatten() {
                    let cut = Arc::clone(&cut);
                    // Where the server is gone, the client is hung up on.
                    thread::spawn(move || {
                        TcpStream::connect(server).map(|server| forward(&client, &server, &cut))
                    });
                }
            });
            Ok(Self { address })
        })
    }
}

fn forward(client: &TcpStream, server: &TcpStream, cut: &Cut) {
    thread::scope(|scope| {
        scope.spawn(|| copy(client, server, &|_| true));
        copy(server, client, &|count| cut.allows(count));
    });
}

/// Copies until either side ends, or `allows` says no; then both are closed.
fn copy(mut from: &TcpStream, mut to: &TcpStream, allows: &dyn Fn(usize) -> bool) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !allows(count) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

impl Cut {
    fn allows(&self, count: usize) -> bool {
        let allowed = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(count))
            .is_ok();
        if !allowed {
            // Later ones are too much as well.
            self.left.store(0, Ordering::SeqCst);
            let then = self.then.lock().ok().and_then(|mut then| then.take());
            if let Some(then) = then {
                then();
            }
        }
        allowed
    }
}
