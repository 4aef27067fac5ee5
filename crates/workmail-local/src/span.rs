//! Lengths of time, as they are written in knobs, flags and the control API.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no length of time: write 250ms, 2s, 5m, 1h or 3d")]
pub struct SpanError(String);

/// A length of time: a whole number with a unit, `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let refused = || SpanError(text.to_owned());
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| refused())?;
        let milliseconds = match unit {
            "ms" => Some(1),
            "s" => Some(1_000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            "d" => Some(86_400_000),
            "" if number == 0 => Some(0),
            _ => None,
        };
        milliseconds
            .and_then(|unit: u64| number.checked_mul(unit))
            .map(|total| Self(Duration::from_millis(total)))
            .ok_or_else(refused)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_millis();
        let (unit, name) = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1_000, "s"),
        ]
        .into_iter()
        .find(|(unit, _)| total != 0 && total.is_multiple_of(*unit))
        .unwrap_or((1, if total == 0 { "s" } else { "ms" }));
        write!(f, "{}{name}", total / unit)
    }
}

impl From<Duration> for Span {
    fn from(span: Duration) -> Self {
        Self(span)
    }
}

/// How long something takes: always the same, or anything between two bounds, each as likely.
///
/// Written `2s` or `15s..75s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delay {
    least: Span,
    most: Span,
}

impl Delay {
    /// No time at all.
    pub const NONE: Self = Self {
        least: Span(Duration::ZERO),
        most: Span(Duration::ZERO),
    };

    /// Always `span`.
    #[must_use]
    pub const fn fixed(span: Duration) -> Self {
        Self {
            least: Span(span),
            most: Span(span),
        }
    }

    /// Anything from `least` to `most`, in either order.
    #[must_use]
    pub fn between(least: Duration, most: Duration) -> Self {
        Self {
            least: Span(least.min(most)),
            most: Span(least.max(most)),
        }
    }

    /// One length, drawn at random where there is a choice.
    #[must_use]
    pub fn draw(self) -> Duration {
        let room = self.most.0.saturating_sub(self.least.0);
        self.least.0 + room.mul_f64(rand::random::<f64>())
    }
}

impl FromStr for Delay {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let (least, most): (Span, Span) = (least.parse()?, most.parse()?);
        if least > most {
            return Err(SpanError(text.to_owned()));
        }
        Ok(Self { least, most })
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.least == self.most {
            self.least.fmt(f)
        } else {
            write!(f, "{}..{}", self.least, self.most)
        }
    }
}

impl From<Duration> for Delay {
    fn from(span: Duration) -> Self {
        Self::fixed(span)
    }
}

/// How long something lasts: a span, or `forever`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Lifetime {
    /// It never ends.
    Forever,
    /// It ends after this long.
    For(Span),
}

impl Lifetime {
    /// The span, if it ends.
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        match self {
            Self::Forever => None,
            Self::For(span) => Some(span.0),
        }
    }
}

impl FromStr for Lifetime {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        if text == "forever" {
            Ok(Self::Forever)
        } else {
            text.parse().map(Self::For)
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::For(span) => span.fmt(f),
        }
    }
}

impl From<Duration> for Lifetime {
    fn from(span: Duration) -> Self {
        Self::For(Span(span))
    }
}

macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = SpanError;

            fn try_from(text: String) -> Result<Self, SpanError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

as_text!(Span, Delay, Lifetime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in ["0s", "250ms", "2s", "90s", "5m", "1h", "3d", "1500ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("120s".parse::<Span>().unwrap().to_string(), "2m");
        assert_eq!("15s..75s".parse::<Delay>().unwrap().to_string(), "15s..75s");
        assert_eq!(
            "2s".parse::<Delay>().unwrap(),
            Delay::fixed(Duration::from_secs(2))
        );
        assert_eq!("forever".parse::<Lifetime>().unwrap(), Lifetime::Forever);
        assert_eq!("8h".parse::<Lifetime>().unwrap().to_string(), "8h");
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "1w",
            "99999999999999999999s",
            "9999999999999999d",
        ] {
            assert_eq!(text.parse::<Span>(), Err(SpanError(text.to_owned())));
        }
        assert!("75s..15s".parse::<Delay>().is_err());
        assert!("1s..".parse::<Delay>().is_err());
    }

    #[test]
    fn a_draw_stays_within_its_bounds() {
        let delay: Delay = "10ms..20ms".parse().unwrap();
        for _ in 0..1000 {
            let drawn = delay.draw();
            assert!((Duration::from_millis(10)..=Duration::from_millis(20)).contains(&drawn));
        }
        assert_eq!(Delay::NONE.draw(), Duration::ZERO);
    }
}
