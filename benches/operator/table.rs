//! The table of results.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use kube::Client;
use workmail_local::Timestamp;

/// Repeated measurements of one thing.
#[derive(Clone, Debug, Default)]
pub struct Sample(Vec<f64>);

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }
}

impl Sample {
    /// The value below which this part of the others lies.
    pub fn quantile(&self, part: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = (self.0.len().saturating_sub(1) as f64 * part).round() as usize;
        self.0.get(index).copied().unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    fn spread(&self) -> String {
        match self.0.as_slice() {
            [least, .., most] => format!("{}–{} in {}", short(*least), short(*most), self.0.len()),
            _ => String::new(),
        }
    }
}

/// One line of the table.
#[derive(Debug, Default)]
pub struct Row {
    what: String,
    unit: &'static str,
    operator: String,
    spread: String,
    floor: String,
    aim: String,
}

impl Row {
    pub fn new(what: impl Into<String>, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            unit,
            ..Self::default()
        }
    }

    /// What the operator needs, with its spread.
    pub fn operator(mut self, sample: &Sample) -> Self {
        self.operator = self.with_unit(sample.median());
        self.spread = sample.spread();
        self
    }

    /// The same where there is one value only.
    pub fn value(mut self, value: f64) -> Self {
        self.operator = self.with_unit(value);
        self
    }

    /// What cannot be said by a number, beside the value or instead of it.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.spread = note.into();
        self
    }

    /// What the floor needs, with its spread.
    pub fn floor(mut self, sample: &Sample) -> Self {
        self.floor = self.with_unit(sample.median());
        let spread = sample.spread();
        if !spread.is_empty() {
            let _ = write!(self.floor, " ({spread})");
        }
        self
    }

    pub fn aim(mut self, aim: f64) -> Self {
        self.aim = self.with_unit(aim);
        self
    }

    fn with_unit(&self, value: f64) -> String {
        format!("{} {}", short(value), self.unit)
            .trim_end()
            .to_owned()
    }

    fn line(&self) -> String {
        let Self {
            what,
            unit: _,
            operator,
            spread,
            floor,
            aim,
        } = self;
        format!("| {what} | {operator} | {spread} | {floor} | {aim} |")
    }
}

/// Three digits that say something.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// All rows, each shown as soon as it is known.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub fn push(&mut self, row: Row) {
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// The whole report.
    pub async fn report(&self, client: &Client, command: &str) -> String {
        let kubernetes = client.apiserver_version().await.unwrap().git_version;
        let rustc = Command::new("rustc").arg("--version").output();
        let rustc = rustc.map_or_else(
            |_| "rustc".to_owned(),
            |output| {
                let text = String::from_utf8_lossy(&output.stdout);
                text.split(' ').take(2).collect::<Vec<_>>().join(" ")
            },
        );
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let day = Timestamp::now().strftime("%Y-%m-%d").to_string();
        let lines: Vec<_> = self.rows.iter().map(Row::line).collect();
        format!(
            "# Measured\n\n\
             `{command}`, {day}: workmail-operator {version} (release build), Kubernetes \
             {kubernetes}, {rustc}; {cores} cores of {cpu}. etcd, kube-apiserver, WorkMail endpoint, \
             load and operator share them, so that absolute times are of this machine; counts are \
             exact.\n\n\
             The floor is a bare kube-rs controller that makes one CreateOrganization and one status \
             write for an object, and nothing else (`benches/floor`). The spread is that of the \
             repeated runs, or of the objects where it says so.\n\n\
             | what | operator | spread | floor | aim |\n| --- | --- | --- | --- | --- |\n{lines}\n",
            version = env!("CARGO_PKG_VERSION"),
            lines = lines.join("\n"),
        )
    }
}

/// Writes the report of a whole run.
pub fn write(report: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results.md");
    fs::write(path, report).unwrap();
}
