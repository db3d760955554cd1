//! Panics go to the log like everything else, and say where, but not what was in hand.

use std::any::Any;
use std::panic::{PanicHookInfo, set_hook};

use tracing::error;

/// From now on panics are told in the log, and nowhere else.
pub fn tell_panics() {
    set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    error!(place, thread = thread.name(), text = text(panic.payload()), "a defect of portcullis");
}

/// Texts that the source holds as they are. Others were made of what was in hand: a request, a token.
fn text(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::text;

    #[test]
    fn what_was_in_hand_is_not_told() {
        let secret = String::from("canary");
        let made = catch_unwind(|| panic!("inside `{secret}`")).expect_err("a panic");
        assert_eq!(text(&*made), None);
        let written = catch_unwind(|| panic!("as written")).expect_err("a panic");
        assert_eq!(text(&*written), Some("as written"));
    }
}
