use serde_json::json;

use super::*;

/// Room for every call of a test.
const LIMIT: usize = 1 << 20;

const LONG: Duration = Duration::from_mins(1);

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

/// Adds a call that was answered.
fn answer(journal: &Journal, operation: &str) {
    let entry = journal.add(call(operation));
    entry.close(Reply::Sent, Some(200), None);
}

fn sequences(journal: &Journal) -> Vec<u64> {
    let calls = journal.calls(&CallFilter::any());
    calls.iter().map(|call| call.sequence).collect()
}

#[test]
fn a_call_is_pending_until_it_is_closed_and_abandoned_if_it_is_dropped() {
    let journal = Journal::new(LIMIT);
    let first = journal.add(call("A"));
    let second = journal.add(call("B"));
    assert!(journal.calls(&CallFilter::any().completed()).is_empty());
    first.update(|call| call.outcome = Outcome::Ok);
    first.close(Reply::Sent, Some(200), None);
    drop(second);
    let calls = journal.calls(&CallFilter::any().completed());
    let results: Vec<_> = calls
        .iter()
        .map(|call| (&call.outcome, call.reply))
        .collect();
    let abandoned = (&Outcome::NotDone, Reply::Abandoned);
    assert_eq!(results, [(&Outcome::Ok, Reply::Sent), abandoned]);
    assert!(calls.iter().all(|call| call.completed_at.is_some()));
}

#[test]
fn the_oldest_calls_are_removed_and_sequence_numbers_continue() {
    let journal = Journal::new(5 * call("A").size() / 2);
    let first = journal.add(call("A"));
    answer(&journal, "B");
    answer(&journal, "B");
    first.close(Reply::Sent, Some(200), None);
    assert_eq!(sequences(&journal), [2, 3]);
    journal.clear();
    answer(&journal, "C");
    assert_eq!(sequences(&journal), [4]);
    assert_eq!(journal.last(), 4);
}

#[test]
fn a_request_that_is_too_large_is_not_kept() {
    let journal = Journal::new(LIMIT);
    for request in [json!("x".repeat(300 << 10)), json!(vec![1; 20_000])] {
        drop(journal.add(Call {
            request,
            ..call("A")
        }));
    }
    let calls = journal.calls(&CallFilter::any());
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.size() < 1024));
}

#[tokio::test]
async fn a_wait_ends_when_enough_calls_match() {
    let journal = Journal::new(LIMIT);
    let filter = CallFilter::on("A").completed();
    answer(&journal, "B");
    let open = journal.add(call("A"));
    answer(&journal, "A");
    let short = COUNT_INTERVAL * 2;
    let error = journal.wait(&filter, 2, short).await.unwrap_err();
    assert_eq!((error.wanted, error.found.len()), (2, 1));
    let close = async {
        tokio::task::yield_now().await;
        open.close(Reply::Sent, Some(200), None);
    };
    let (calls, ()) = tokio::join!(journal.wait(&filter, 2, LONG), close);
    let calls = calls.unwrap();
    let found: Vec<_> = calls.iter().map(|call| call.sequence).collect();
    assert_eq!(found, [2, 3]);
}

#[test]
fn an_outcome_is_written_as_one_word() {
    let error = Outcome::Error("LimitExceededException".to_owned());
    for (outcome, word) in [
        (Outcome::Pending, "pending"),
        (Outcome::Ok, "OK"),
        (Outcome::NotDone, "not-done"),
        (error, "LimitExceededException"),
    ] {
        assert_eq!(serde_json::to_value(&outcome).unwrap(), json!(word));
        let read: Outcome = serde_json::from_value(json!(word)).unwrap();
        assert_eq!(read, outcome);
    }
}
