//! The wall clock as an argument, and what happens when somebody sets it.
//!
//! Tokens and the age of keys are judged by the wall clock; intervals are measured by the monotonic one.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::time::UnixTime;

/// A difference that no adjustment of a clock in order makes.
const JUMP: Duration = Duration::from_mins(1);

/// Tells the time of day.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// The system's.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(system_now))
    }

    /// Another one, for tests.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

fn system_now() -> UnixTime {
    unix(SystemTime::now())
}

/// A moment of the system's clock.
pub(super) fn unix(moment: SystemTime) -> UnixTime {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => UnixTime::from_millis(millis(since)),
        Err(before) => UnixTime::from_millis(-millis(before.duration())),
    }
}

/// Compares the two clocks from time to time.
#[derive(Debug)]
pub(super) struct JumpWatch {
    clock: Clock,
    wall: UnixTime,
    monotonic: Instant,
}

impl JumpWatch {
    pub fn new(clock: Clock) -> Self {
        Self { wall: clock.now(), monotonic: Instant::now(), clock }
    }

    /// Milliseconds that the wall clock was set forward (or back, below zero) since the last look, if that is
    /// more than a minute.
    pub fn jump(&mut self) -> Option<i64> {
        let (wall, monotonic) = (self.clock.now(), Instant::now());
        let expected = self.wall.plus(monotonic.saturating_duration_since(self.monotonic));
        (self.wall, self.monotonic) = (wall, monotonic);
        let difference = wall.millis().saturating_sub(expected.millis());
        (u128::from(difference.unsigned_abs()) > JUMP.as_millis()).then_some(difference)
    }
}
