//! Messages in an mbox file.
//!
//! The variant is mboxrd: a line of a message that begins with any number of `>` and `From ` gets one `>` more,
//! which a reader can take away again. Nothing else of a message is changed.

const FROM: &[u8] = b"From ";

/// Quotes one message, which is given in pieces.
#[derive(Debug)]
pub struct Quoting {
    line: Line,
    last: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    /// In its beginning: this many bytes of `From ` were seen, and are held back.
    Begins(usize),
    Goes,
}

impl Default for Quoting {
    fn default() -> Self {
        Self {
            line: Line::Begins(0),
            last: None,
        }
    }
}

impl Quoting {
    /// Adds the next piece of the message to `to`.
    pub fn add(&mut self, piece: &[u8], to: &mut Vec<u8>) {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            let Line::Begins(seen) = self.line else {
                // Most bytes are not at the beginning of a line.
                let length = rest
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(rest.len(), |end| end + 1);
                let (line, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                to.extend_from_slice(line);
                if line.ends_with(b"\n") {
                    self.line = Line::Begins(0);
                }
                rest = after;
                continue;
            };
            if FROM.get(seen) == Some(&byte) {
                rest = after;
                self.line = Line::Begins(seen + 1);
                if seen + 1 == FROM.len() {
                    to.push(b'>');
                    self.release(FROM.len(), to);
                }
            } else if seen == 0 && byte == b'>' {
                to.push(byte);
                rest = after;
            } else {
                self.release(seen, to);
            }
        }
        self.last = piece.last().copied().or(self.last);
    }

    /// Ends the message: with the end of its last line, and an empty line.
    pub fn end(mut self, to: &mut Vec<u8>) {
        if let Line::Begins(seen) = self.line {
            self.release(seen, to);
        }
        if self.last.is_some_and(|last| last != b'\n') {
            to.push(b'\n');
        }
        to.push(b'\n');
    }

    fn release(&mut self, seen: usize, to: &mut Vec<u8>) {
        to.extend_from_slice(FROM.get(..seen).unwrap_or_default());
        self.line = Line::Goes;
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn quoted(message: &[u8], piece: usize) -> String {
        let (mut quoting, mut to) = (Quoting::default(), Vec::new());
        for piece in message.chunks(piece) {
            quoting.add(piece, &mut to);
        }
        quoting.end(&mut to);
        String::from_utf8(to).unwrap()
    }

    #[rstest]
    #[case("From x\n", ">From x\n\n")]
    #[case("a\nFrom x\r\nFrom: x\nFro\n", "a\n>From x\r\nFrom: x\nFro\n\n")]
    #[case(">From x\n>>From y\n> From z", ">>From x\n>>>From y\n> From z\n\n")]
    #[case("a From x\n F\nFrom", "a From x\n F\nFrom\n\n")]
    #[case("a\n\nFrom ", "a\n\n>From \n\n")]
    #[case("\n\n", "\n\n\n")]
    #[case("", "\n")]
    fn only_lines_that_look_like_a_new_message_are_quoted(
        #[case] message: &str,
        #[case] expected: &str,
    ) {
        for piece in [1, 2, 3, 100] {
            assert_eq!(
                quoted(message.as_bytes(), piece),
                expected,
                "in pieces of {piece}"
            );
        }
    }
}
