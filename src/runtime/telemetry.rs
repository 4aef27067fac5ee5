//! Logs: one line for each event on standard output.

use std::io::{self, IsTerminal, Write, stdout};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::controller::AUDIT_TARGET;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Installs the log. A level alone is that of the operator; its libraries stay at warnings. The line of
/// each call that changes something in AWS is written at every level.
///
/// # Errors
/// The level is not understood, or a log is installed already.
pub fn install(level: &str, format: LogFormat) -> Result<(), String> {
    let installed = match format {
        LogFormat::Json => json(filter(level)?, stdout).try_init(),
        LogFormat::Text => text(filter(level)?, stdout, stdout().is_terminal()).try_init(),
    };
    installed.map_err(|error| error.to_string())
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    let directives = if level.contains('=') || level.contains(',') {
        level.to_owned()
    } else {
        format!("warn,workmail_operator={level}")
    };
    let wrong =
        |error: &dyn std::error::Error| format!("--log-level {level:?} is not understood: {error}");
    let filter = EnvFilter::try_new(directives).map_err(|error| wrong(&error))?;
    let audit = format!("{AUDIT_TARGET}=info").parse();
    Ok(filter.add_directive(audit.map_err(|error| wrong(&error))?))
}

fn json<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::registry().with(filter).with(
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer),
    )
}

fn text<W>(filter: EnvFilter, writer: W, is_terminal: bool) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = Lines {
        writer,
        is_terminal,
    };
    let layer = fmt::layer().with_ansi(is_terminal).with_writer(lines);
    tracing_subscriber::registry().with(filter).with(layer)
}

/// Makes writers that write each event as one line.
struct Lines<W> {
    writer: W,
    is_terminal: bool,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line {
            writer: self.writer.make_writer(),
            is_terminal: self.is_terminal,
        }
    }
}

/// Writes an event as one line: a control character in it, such as a newline in a tag's key, is escaped
/// and begins no line of its own. The layer hands each event over in a single write.
struct Line<W> {
    writer: W,
    is_terminal: bool,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = String::with_capacity(text.len() + 1);
        for c in text.chars() {
            match c {
                // The layer's own colours; it escapes those in values.
                '\u{1b}' if self.is_terminal => line.push(c),
                '\u{2028}' | '\u{2029}' => line.extend(c.escape_unicode()),
                c if c.is_control() => line.extend(c.escape_debug()),
                c => line.push(c),
            }
        }
        line.push('\n');
        self.writer.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rstest::rstest;
    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of the events at this level.
    fn logged(level: &str, format: LogFormat, events: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let writer = move || writer.clone();
        let filter = filter(level).unwrap();
        match format {
            LogFormat::Json => with_default(json(filter, writer), events),
            LogFormat::Text => with_default(text(filter, writer, false), events),
        }
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    const FORGED: &str = "team\n2026-11-28T12:00:00Z  INFO called AWS";

    #[rstest]
    #[case::a_field(|| tracing::info!(call = %FORGED, "called AWS"))]
    #[case::the_message(|| tracing::info!("{FORGED}"))]
    #[case::other_line_ends(|| tracing::info!(call = %FORGED.replace('\n', "\r\u{85}\u{2028}\u{b}\u{c}"), "called AWS"))]
    #[case::colours(|| tracing::info!(call = %"\u{1b}[2K\u{1b}[1A", "called AWS"))]
    fn a_control_character_begins_no_line_and_moves_no_cursor(
        #[case] event: fn(),
        #[values(LogFormat::Text, LogFormat::Json)] format: LogFormat,
    ) {
        let log = logged("info", format, event);
        let line = log.strip_suffix('\n').unwrap();
        // JSON escapes the control characters of ASCII alone; no other one ends a line of it.
        let is_escaped = |c: char| match format {
            LogFormat::Json => !c.is_ascii_control(),
            LogFormat::Text => !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}'),
        };
        assert!(line.chars().all(is_escaped), "{line:?}");
        assert!(line.contains("called AWS"), "{line:?}");
    }

    #[rstest]
    #[case("warn")]
    #[case("error")]
    #[case("off")]
    #[case("workmail_operator=error")]
    #[case(&format!("warn,{AUDIT_TARGET}=off"))]
    fn the_line_of_a_change_in_aws_is_written_at_every_level(#[case] level: &str) {
        let log = logged(level, LogFormat::Json, || {
            tracing::info!(target: AUDIT_TARGET, "called AWS");
            tracing::info!(target: "workmail_operator::controller", "started");
        });
        assert!(log.contains("called AWS"), "{log}");
        assert!(!log.contains("started"), "{log}");
    }
}
