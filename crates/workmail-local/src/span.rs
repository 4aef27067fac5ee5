//! Lengths of time, as they are written in knobs, flags and the control API.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a length of time: write 250ms, 2s, 5m, 1h or 3d")]
pub struct SpanError(String);

/// The units and their milliseconds, the largest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time: a whole number with a unit (`ms`, `s`, `m`, `h` or `d`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let end = text
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let milliseconds = UNITS.into_iter().find(|(name, _)| *name == unit);
        milliseconds
            .and_then(|(_, milliseconds)| number.parse::<u64>().ok()?.checked_mul(milliseconds))
            .map(|total| Self(Duration::from_millis(total)))
            .ok_or_else(|| SpanError(text.to_owned()))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_millis();
        let unit = UNITS
            .into_iter()
            .find(|(_, unit)| total != 0 && total.is_multiple_of(u128::from(*unit)));
        let (name, unit) = unit.unwrap_or(("s", 1_000));
        write!(f, "{}{name}", total / u128::from(unit))
    }
}

impl From<Duration> for Span {
    fn from(span: Duration) -> Self {
        Self(span)
    }
}

/// How long something takes: a fixed time, or a random time between two bounds.
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
    pub const NONE: Self = Self::fixed(Duration::ZERO);

    /// Returns a delay of exactly `span`.
    #[must_use]
    pub const fn fixed(span: Duration) -> Self {
        Self {
            least: Span(span),
            most: Span(span),
        }
    }

    /// Returns a delay between two bounds, which may be in either order.
    #[must_use]
    pub fn between(one: Duration, other: Duration) -> Self {
        Self {
            least: Span(one.min(other)),
            most: Span(one.max(other)),
        }
    }

    /// Returns one time within the bounds, at random.
    #[must_use]
    pub fn draw(self) -> Duration {
        let range = self.most.0.saturating_sub(self.least.0);
        self.least.0 + range.mul_f64(rand::random::<f64>())
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
    /// It ends after this span.
    For(Span),
}

impl Lifetime {
    /// Returns the span, or `None` for `forever`.
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

macro_rules! serialize_as_text {
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

serialize_as_text!(Span, Delay, Lifetime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_parsed_as_they_are_written() {
        for text in ["0s", "250ms", "2s", "90s", "5m", "1h", "3d", "1500ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("120s".parse::<Span>().unwrap().to_string(), "2m");
        assert_eq!("15s..75s".parse::<Delay>().unwrap().to_string(), "15s..75s");
        let two_seconds = Delay::fixed(Duration::from_secs(2));
        assert_eq!("2s".parse::<Delay>().unwrap(), two_seconds);
        assert_eq!("forever".parse::<Lifetime>().unwrap(), Lifetime::Forever);
        assert_eq!("8h".parse::<Lifetime>().unwrap().to_string(), "8h");
    }

    #[test]
    fn other_texts_are_refused() {
        let too_long = ["99999999999999999999s", "9999999999999999d"];
        for text in ["", "5", "s", "-1s", "1.5s", "1w"]
            .into_iter()
            .chain(too_long)
        {
            assert_eq!(text.parse::<Span>(), Err(SpanError(text.to_owned())));
        }
        assert!("75s..15s".parse::<Delay>().is_err());
        assert!("1s..".parse::<Delay>().is_err());
    }

    #[test]
    fn a_random_delay_stays_within_its_bounds() {
        let delay: Delay = "10ms..20ms".parse().unwrap();
        for _ in 0..1000 {
            let drawn = delay.draw();
            assert!((Duration::from_millis(10)..=Duration::from_millis(20)).contains(&drawn));
        }
        assert_eq!(Delay::NONE.draw(), Duration::ZERO);
    }
}
