//! How far a command has come: one line on a terminal, and nothing in a pipe.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(500);

/// The progress of a command.
#[derive(Debug)]
pub(super) struct Progress {
    is_shown: bool,
    label: String,
    read: u64,
    total: u64,
    begun: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Progress towards this many bytes.
    pub(super) fn new(total: u64) -> Self {
        Self {
            is_shown: stderr().is_terminal(),
            label: String::new(),
            read: 0,
            total,
            begun: Instant::now(),
            shown: None,
        }
    }

    /// Says what is being read.
    pub(super) fn on(&mut self, label: impl Into<String>) {
        self.label = label.into();
        self.shown = None;
    }

    /// Adds bytes that were read, or need not be.
    pub(super) fn read(&mut self, bytes: u64) {
        self.read += bytes;
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL);
        if self.is_shown && is_due {
            self.shown = Some(Instant::now());
            let seconds = self.begun.elapsed().as_secs().max(1);
            let (read, total, speed) =
                (size(self.read), size(self.total), size(self.read / seconds));
            // A terminal that is gone shows nothing.
            let _ = write!(
                stderr(),
                "\r\x1b[K{}  {read} of {total}, {speed}/s",
                self.label
            );
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown && self.read > 0 {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// Returns a size for people: `3.4 GiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = ["GiB", "MiB", "KiB"];
    for (unit, shift) in units.into_iter().zip([30_u32, 20, 10]) {
        if bytes >> shift > 0 {
            let tenths = (u128::from(bytes) * 10) >> shift;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_one_decimal_and_a_unit() {
        assert_eq!(
            [0, 1023, 1024, 1_572_864, 3_650_722_202].map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "3.4 GiB"]
        );
    }
}
