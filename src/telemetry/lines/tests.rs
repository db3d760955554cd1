//! Nobody who has a line waits, whatever becomes of those who read.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Takes lines only when it is told to.
struct Reader {
    go_on: Receiver<()>,
    read: Sender<String>,
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whoever holds the other end says how long this lasts; when it is gone, everything is read.
        let _gone = self.go_on.recv();
        let _gone = self.read.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn dropped(metrics: &Metrics) -> u64 {
    let text = metrics.render(None);
    let line = text.lines().find_map(|line| line.strip_prefix("portcullis_log_dropped_total "));
    line.expect("a figure").parse().expect("a number")
}

#[test]
fn past_the_queue_lines_are_dropped_and_counted_and_nobody_waits() {
    let metrics = Metrics::new();
    let (go_on, gate) = channel();
    let (read, lines_read) = channel();
    let lines = Lines::start(3, Box::new(Reader { go_on: gate, read }), metrics.clone()).expect("a thread");
    for number in 0..100 {
        lines.send(format!("{number}\n"));
    }
    // Three wait, and one may be in the writer's hands.
    assert!((96..=97).contains(&dropped(&metrics)), "{}", dropped(&metrics));
    // It does not last for ever either.
    lines.flush(Duration::from_millis(1));
    drop(go_on);
    assert_eq!(lines_read.recv().as_deref(), Ok("0\n"));
    // The reader is back: everything that is sent from now on arrives.
    lines_read.recv().expect("what waited");
    lines.flush(Duration::from_secs(30));
    lines.send("last\n".to_owned());
    assert!(lines_read.iter().any(|line| line == "last\n"));
}

/// A disk that is full for some lines, and is not for the others.
struct Disk {
    full_for: usize,
    taken: Sender<String>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.full_for > 0 {
            self.full_for -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let _gone = self.taken.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_cannot_be_written_is_counted_and_the_next_is_written() {
    let metrics = Metrics::new();
    let (taken, written) = channel();
    let lines = Lines::start(100, Box::new(Disk { full_for: 3, taken }), metrics.clone()).expect("a thread");
    for number in 0..2 {
        lines.send(format!("{number}\n"));
    }
    for number in 2..5 {
        lines.send_decision(format!("{{{number}}}\n"), None);
    }
    lines.flush(Duration::from_secs(30));
    assert_eq!(dropped(&metrics), 3);
    assert_eq!(written.try_iter().collect::<Vec<_>>(), ["{3}\n", "{4}\n"]);
    assert_eq!(lines.last().len(), 3, "whoever asks is told of what no disk took");
}

#[test]
fn the_last_two_hundred_decisions_are_kept_as_json_whatever_is_written() {
    let (written, read) = channel();
    let (go_on, gate) = channel();
    drop(go_on);
    let lines = Lines::start(1000, Box::new(Reader { go_on: gate, read: written }), Metrics::new())
        .expect("a thread");
    for number in 0..250 {
        lines.send_decision(format!("{{{number}}}\n"), Some(format!("text {number}\n")));
    }
    lines.send("not a decision\n".to_owned());
    lines.flush(Duration::from_secs(30));
    let kept = lines.last();
    assert_eq!(kept.len(), 200);
    assert_eq!((kept[0].as_ref(), kept[199].as_ref()), ("{50}\n", "{249}\n"));
    assert_eq!(read.try_iter().next().as_deref(), Some("text 0\n"));
}
