//! The ports as a real session has them.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

use crate::actions::ports::{Chance, Clock};
use crate::chain::hex;
use crate::text::Text;

/// This machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// This machine's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn nonce(&self) -> Text {
        let mut bytes = [0; 8];
        // A machine without randomness still has a clock, and a nonce only tells one step's answer from another's.
        if SystemRandom::new().fill(&mut bytes).is_err() {
            bytes = Timestamp::now().as_microsecond().to_be_bytes();
        }
        Text::new(&hex(&bytes))
    }
}

/// The mark of this operator's cordons: who, and from where. The same after a restart, and readable for whoever finds
/// it on a Node.
pub fn owner() -> String {
    let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = of("USER").or_else(|| of("LOGNAME")).unwrap_or_else(|| "unknown".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "unknown" } else { host };
    format!("kubelift {user}@{host}")
}
