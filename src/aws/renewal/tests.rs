use std::sync::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::{spawn, time::advance};

use super::{
    state::{PAUSES, pause},
    *,
};

const ACCOUNT: &str = "123456789012";

/// A source that counts how often it is asked, and answers as it is told.
#[derive(Clone, Debug)]
struct Counting(Arc<Script>);

#[derive(Debug)]
struct Script {
    reads: AtomicUsize,
    questions: AtomicUsize,
    version: AtomicU64,
    setting: Mutex<Setting>,
}

#[derive(Clone, Debug)]
struct Setting {
    /// How long credentials are valid; for ever where none is set.
    life: Option<Duration>,
    /// The same key at each reading.
    key: Option<&'static str>,
    /// How long STS takes to answer.
    sts_takes: Duration,
    /// What STS answers instead.
    sts_fails: Option<ErrorKind>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            life: Some(Duration::from_hours(1)),
            key: None,
            sts_takes: Duration::from_millis(100),
            sts_fails: None,
        }
    }
}

impl Counting {
    fn new(setting: Setting) -> Self {
        Self(Arc::new(Script {
            reads: AtomicUsize::new(0),
            questions: AtomicUsize::new(0),
            version: AtomicU64::new(0),
            setting: Mutex::new(setting),
        }))
    }

    fn renewal(&self) -> Arc<Renewal> {
        Arc::new(Renewal::new(self.clone()))
    }

    fn set(&self, change: impl FnOnce(&mut Setting)) {
        change(&mut self.0.setting.lock().unwrap());
    }

    fn setting(&self) -> Setting {
        self.0.setting.lock().unwrap().clone()
    }

    fn reads(&self) -> usize {
        self.0.reads.load(Ordering::SeqCst)
    }

    fn questions(&self) -> usize {
        self.0.questions.load(Ordering::SeqCst)
    }
}

impl Source for Counting {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CallError>> {
        Box::pin(async {
            let number = self.0.reads.fetch_add(1, Ordering::SeqCst);
            let Setting { life, key, .. } = self.setting();
            let key = key.map_or_else(|| format!("AKID{number}"), str::to_owned);
            let expiry = life.map(|life| SystemTime::now() + life);
            Ok(Credentials::new(key, "secret", None, expiry, "test"))
        })
    }

    fn account(&self, _: Credentials) -> BoxFuture<'_, Result<AccountId, CallError>> {
        Box::pin(async {
            self.0.questions.fetch_add(1, Ordering::SeqCst);
            let Setting {
                sts_takes,
                sts_fails,
                ..
            } = self.setting();
            let operation = Operation::GetCallerIdentity;
            let late = CallError::new(operation, ErrorKind::TimedOut);
            // As the door does.
            timeout(DEADLINE, tokio::time::sleep(sts_takes))
                .await
                .map_err(|_| late)?;
            match sts_fails {
                Some(trouble) => Err(CallError::new(operation, trouble)),
                None => Ok(AccountId::from(ACCOUNT)),
            }
        })
    }

    fn version(&self) -> u64 {
        self.0.version.load(Ordering::SeqCst)
    }
}

/// Lets the time pass in small steps, so that every timer on the way does its work.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        advance(Duration::from_millis(500).min(end - Instant::now())).await;
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }
}

fn rejection() -> ErrorKind {
    ErrorKind::Refused {
        code: "InvalidClientTokenId".to_owned(),
        message: String::new(),
    }
}

async fn at_once(renewal: &Renewal) -> Result<Arc<CredentialSet>, CallError> {
    let asked = Instant::now();
    let answer = renewal.current(false).await;
    assert_eq!(Instant::now(), asked, "nobody waits");
    answer
}

#[tokio::test(start_paused = true)]
async fn valid_credentials_are_used_while_sts_hangs_and_the_renewal_is_tried_with_pauses() {
    let source = Counting::new(Setting {
        life: Some(Duration::from_secs(200)),
        ..Setting::default()
    });
    let renewal = source.renewal();
    let first = renewal.current(false).await.unwrap();
    source.set(|setting| setting.sts_takes = Duration::from_secs(25));
    for _ in 0..190 {
        pass(Duration::from_secs(1)).await;
        assert!(Arc::ptr_eq(&at_once(&renewal).await.unwrap(), &first));
    }
    let tries = source.questions() - 1;
    assert!(
        (2..=5).contains(&tries),
        "{tries} tries in a third of the life"
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_of_a_short_life_are_renewed_once_per_two_thirds_of_it_however_many_ask() {
    let life = Duration::from_mins(1);
    let source = Counting::new(Setting {
        life: Some(life),
        ..Setting::default()
    });
    let renewal = source.renewal();
    renewal.current(false).await.unwrap();
    for _ in 0..600 {
        pass(Duration::from_millis(500)).await;
        for _ in 0..8 {
            at_once(&renewal).await.unwrap();
        }
    }
    // 300 s in lives of 60 s, each renewed after 36 s to 40 s.
    assert!((7..=9).contains(&source.reads()), "{}", source.reads());
    assert_eq!(source.questions(), source.reads(), "each is another set");
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_life_is_renewed_five_minutes_before_its_end_or_a_little_earlier() {
    let source = Counting::new(Setting::default());
    let renewal = source.renewal();
    renewal.current(false).await.unwrap();
    pass(Duration::from_mins(53)).await;
    assert_eq!(source.reads(), 1);
    pass(Duration::from_mins(3)).await;
    assert_eq!(source.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn all_who_find_nothing_valid_wait_for_one_answer() {
    let source = Counting::new(Setting::default());
    let renewal = source.renewal();
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let renewal = renewal.clone();
            spawn(async move { renewal.current(false).await.unwrap() })
        })
        .collect();
    let mut sets = Vec::new();
    for one in waiting {
        sets.push(one.await.unwrap());
    }
    assert!(sets.iter().all(|set| Arc::ptr_eq(set, &sets[0])));
    assert_eq!((source.reads(), source.questions()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_finds_nothing_valid_waits_no_longer_than_the_deadline_of_a_call() {
    let source = Counting::new(Setting {
        sts_takes: Duration::from_hours(1),
        ..Setting::default()
    });
    let renewal = source.renewal();
    let asked = Instant::now();
    let error = renewal.current(false).await.unwrap_err();
    assert_eq!(error.trouble, ErrorKind::TimedOut);
    assert!(asked.elapsed() <= DEADLINE + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_a_moment_ago_is_told_at_once_and_one_who_insists_asks_anew() {
    let source = Counting::new(Setting {
        sts_fails: Some(ErrorKind::ServerFault),
        ..Setting::default()
    });
    let renewal = source.renewal();
    renewal.current(false).await.unwrap_err();
    for _ in 0..64 {
        let error = at_once(&renewal).await.unwrap_err();
        assert_eq!(error.trouble, ErrorKind::ServerFault);
    }
    assert_eq!(source.questions(), 1);
    source.set(|setting| setting.sts_fails = None);
    renewal.current(true).await.unwrap();
    assert_eq!(source.questions(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_nobody_asks_nothing_is_tried_again() {
    let source = Counting::new(Setting {
        sts_fails: Some(rejection()),
        ..Setting::default()
    });
    let renewal = source.renewal();
    pass(Duration::from_mins(1)).await;
    assert_eq!(source.reads(), 0, "nobody has asked yet");
    renewal.current(false).await.unwrap_err();
    pass(Duration::from_hours(1)).await;
    assert_eq!(source.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn rejected_credentials_are_not_used_before_sts_accepts_them() {
    let source = Counting::new(Setting {
        key: Some("AKID"),
        life: None,
        ..Setting::default()
    });
    let renewal = source.renewal();
    let set = renewal.current(false).await.unwrap();
    source.set(|setting| setting.sts_fails = Some(rejection()));
    renewal.reject(&set);
    let error = renewal.current(false).await.unwrap_err();
    assert_eq!(error.trouble, rejection());
    assert_eq!(source.questions(), 2);

    source.set(|setting| setting.sts_fails = None);
    let again = renewal.current(true).await.unwrap();
    assert!(Arc::ptr_eq(&again, &set), "they are the same");
    assert_eq!(source.questions(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_call_that_is_refused_for_credentials_which_sts_accepts_costs_a_question_a_minute() {
    let source = Counting::new(Setting {
        key: Some("AKID"),
        life: None,
        ..Setting::default()
    });
    let renewal = source.renewal();
    for _ in 0..300 {
        let set = renewal.current(false).await.unwrap();
        renewal.reject(&set);
        pass(Duration::from_secs(1)).await;
    }
    let questions = source.questions();
    assert!((5..=7).contains(&questions), "{questions} in five minutes");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_credentials_of_before_does_not_count_for_those_of_now() {
    let source = Counting::new(Setting::default());
    let renewal = source.renewal();
    let before = renewal.current(false).await.unwrap();
    renewal.reject(&before);
    let now = renewal.current(false).await.unwrap();
    assert!(!Arc::ptr_eq(&now, &before));
    renewal.reject(&before);
    assert!(Arc::ptr_eq(&at_once(&renewal).await.unwrap(), &now));
    assert_eq!(source.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_credentials_read_again_are_not_asked_about_again() {
    let source = Counting::new(Setting {
        key: Some("AKID"),
        life: None,
        ..Setting::default()
    });
    let renewal = source.renewal();
    let set = renewal.current(false).await.unwrap();
    pass(Duration::from_hours(1)).await;
    assert!((4..=5).contains(&source.reads()), "{}", source.reads());
    assert_eq!(source.questions(), 1);
    assert!(Arc::ptr_eq(&at_once(&renewal).await.unwrap(), &set));
}

#[tokio::test(start_paused = true)]
async fn changed_files_are_read_at_once() {
    let source = Counting::new(Setting::default());
    let renewal = source.renewal();
    let before = renewal.current(false).await.unwrap();
    source.0.version.store(1, Ordering::SeqCst);
    pass(FILES + Duration::from_secs(1)).await;
    assert_eq!(source.reads(), 2);
    assert!(!Arc::ptr_eq(&at_once(&renewal).await.unwrap(), &before));
    pass(FILES * 2).await;
    assert_eq!(source.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_signs_with_the_latest_credentials_of_its_account_and_with_no_others() {
    let source = Counting::new(Setting::default());
    let renewal = source.renewal();
    let ours = renewal.of_account(AccountId::from(ACCOUNT));
    let others = renewal.of_account(AccountId::from("210987654321"));
    let set = renewal.current(false).await.unwrap();
    let key = async || {
        let credentials = ours.provide_credentials().await;
        credentials.unwrap().access_key_id().to_owned()
    };
    assert_eq!(key().await, "AKID0");
    renewal.reject(&set);
    renewal.current(false).await.unwrap();
    assert_eq!(key().await, "AKID1");
    assert!(others.provide_credentials().await.is_err());
}

#[test]
fn pauses_double_to_the_longest_and_are_never_less_than_half() {
    let (first, longest) = PAUSES;
    for failures in 0..40 {
        let bound = first.saturating_mul(1 << failures.min(10)).min(longest);
        for _ in 0..50 {
            let pause = pause(failures);
            assert!(
                pause >= bound / 2 && pause <= bound,
                "{failures}: {pause:?}"
            );
        }
    }
}
