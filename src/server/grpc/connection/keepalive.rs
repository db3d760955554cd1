//! HTTP/2 pings, so that a dead peer does not hold a connection for ever.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};

use super::super::Limits;

/// Pings a peer now and then.
pub(super) struct Keepalive {
    pings: Option<PingPong>,
    interval: Interval,
    patience: Duration,
    /// Until when the answer to the last ping must be there.
    outstanding: Option<Pin<Box<Sleep>>>,
}

impl Keepalive {
    pub(super) fn new(pings: Option<PingPong>, limits: &Limits) -> Self {
        let period = limits.keepalive_interval.max(Duration::from_millis(1));
        let mut interval = interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { pings, interval, patience: limits.keepalive_timeout, outstanding: None }
    }

    /// Ready when the peer did not answer in time.
    pub(super) fn poll_dead(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(pings) = &mut self.pings else { return Poll::Pending };
        if self.outstanding.is_some() && pings.poll_pong(context).is_ready() {
            self.outstanding = None;
        }
        while self.interval.poll_tick(context).is_ready() {
            if self.outstanding.is_none() && pings.send_ping(Ping::opaque()).is_ok() {
                self.outstanding = Some(Box::pin(sleep(self.patience)));
                // Asked once so that the answer wakes us.
                if pings.poll_pong(context).is_ready() {
                    self.outstanding = None;
                }
            }
        }
        match &mut self.outstanding {
            Some(end) => end.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}
