use serde_json::json;

use super::*;

fn call(operation: &str) -> Call {
    Call {
        sequence: 0,
        at: Timestamp::now(),
        completed_at: None,
        service: Service::WorkMail,
        operation: operation.to_owned(),
        account: Some("123456789012".to_owned()),
        region: Some("us-east-1".to_owned()),
        access_key: None,
        request: json!({}),
        outcome: Outcome::Pending,
        effect: false,
        reply: Reply::Pending,
        status: None,
        organization_id: None,
        faults: Vec::new(),
        request_id: String::new(),
        user_agent: None,
    }
}

/// Room for every call of a test.
const LIMIT: usize = 1 << 20;

const LONG: Duration = Duration::from_mins(1);

#[test]
fn a_call_is_pending_until_it_is_closed_and_abandoned_if_it_is_dropped() {
    let journal = Journal::new(LIMIT);
    let first = journal.enter(call("A"));
    let second = journal.enter(call("B"));
    assert!(journal.calls(&CallFilter::any().completed()).is_empty());
    first.update(|call| call.outcome = Outcome::Ok);
    first.close(Reply::Sent, Some(200), None);
    drop(second);
    let calls = journal.calls(&CallFilter::any());
    assert_eq!(
        (&calls[0].outcome, calls[0].reply),
        (&Outcome::Ok, Reply::Sent)
    );
    assert_eq!(
        (&calls[1].outcome, calls[1].reply),
        (&Outcome::NotDone, Reply::Abandoned)
    );
    assert!(calls.iter().all(|call| call.completed_at.is_some()));
}

#[test]
fn the_oldest_calls_are_forgotten_and_sequence_numbers_go_on() {
    let journal = Journal::new(5 * call("A").size() / 2);
    let first = journal.enter(call("A"));
    for _ in 0..2 {
        journal.enter(call("B")).close(Reply::Sent, Some(200), None);
    }
    first.close(Reply::Sent, Some(200), None);
    let sequences = |journal: &Journal| -> Vec<u64> {
        journal
            .calls(&CallFilter::any())
            .iter()
            .map(|call| call.sequence)
            .collect()
    };
    assert_eq!(sequences(&journal), [2, 3]);
    journal.clear();
    journal.enter(call("C")).close(Reply::Sent, Some(200), None);
    assert_eq!(sequences(&journal), [4]);
    assert_eq!(journal.last(), 4);
}

#[test]
fn a_request_that_is_too_large_is_not_kept() {
    let journal = Journal::new(LIMIT);
    for request in [json!("x".repeat(300 << 10)), json!(vec![1; 20_000])] {
        drop(journal.enter(Call {
            request,
            ..call("A")
        }));
    }
    let calls = journal.calls(&CallFilter::any());
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.size() < 1024));
}

#[tokio::test]
async fn a_wait_ends_with_the_call_that_completes_it() {
    let journal = Journal::new(LIMIT);
    let waiting = tokio::spawn({
        let journal = journal.clone();
        async move {
            journal
                .wait(&CallFilter::on("A").completed(), 2, LONG)
                .await
        }
    });
    journal.enter(call("B")).close(Reply::Sent, Some(200), None);
    let open = journal.enter(call("A"));
    journal.enter(call("A")).close(Reply::Sent, Some(200), None);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    open.close(Reply::Sent, Some(200), None);
    let calls = waiting.await.unwrap().unwrap();
    assert_eq!(
        calls.iter().map(|call| call.sequence).collect::<Vec<_>>(),
        [2, 3]
    );
}

#[tokio::test]
async fn a_call_in_flight_can_be_waited_for() {
    let journal = Journal::new(LIMIT);
    let held = journal.enter(call("A"));
    let calls = journal
        .wait(&CallFilter::on("A").in_flight(), 1, LONG)
        .await
        .unwrap();
    assert_eq!(calls[0].outcome, Outcome::Pending);
    drop(held);
}

#[tokio::test]
async fn a_wait_in_vain_says_what_came() {
    let journal = Journal::new(LIMIT);
    journal.enter(call("A")).close(Reply::Sent, Some(200), None);
    let error = journal
        .wait(&CallFilter::any(), 2, Duration::from_millis(1))
        .await
        .unwrap_err();
    assert_eq!((error.wanted, error.found.len()), (2, 1));
}

#[test]
fn outcomes_are_single_words() {
    for (outcome, word) in [
        (Outcome::Pending, "pending"),
        (Outcome::Ok, "OK"),
        (Outcome::NotDone, "not-done"),
        (
            Outcome::Error("LimitExceededException".to_owned()),
            "LimitExceededException",
        ),
    ] {
        assert_eq!(serde_json::to_value(&outcome).unwrap(), json!(word));
        assert_eq!(
            serde_json::from_value::<Outcome>(json!(word)).unwrap(),
            outcome
        );
    }
}

#[test]
fn a_call_that_stays_open_is_looked_at_again_and_those_after_it_are_not() {
    let journal = Journal::new(LIMIT);
    let filter = CallFilter::any().completed();
    let mut tally = Tally::new(&filter);
    let count = |tally: &mut Tally<'_>| {
        let pages = journal.pages();
        let seen = tally.seen();
        tally.count(|call| pages.find(call), pages.since(seen));
        (tally.found(), tally.seen())
    };
    let open = journal.enter(call("A"));
    journal.enter(call("B")).close(Reply::Sent, Some(200), None);
    assert_eq!(count(&mut tally), (1, 2));
    journal.enter(call("B")).close(Reply::Sent, Some(200), None);
    assert_eq!(count(&mut tally), (2, 3));
    open.close(Reply::Sent, Some(200), None);
    assert_eq!(count(&mut tally), (3, 3));
    assert_eq!(count(&mut tally), (3, 3));
}
