//! Messages as lines of text: what one side writes the other reads as the same.

use ivc::text::{LONGEST, Report, Request};
use proptest::prelude::*;

fn channel() -> impl Strategy<Value = u8> {
    0..64u8
}

fn requests() -> impl Strategy<Value = Request> {
    prop_oneof![
        (channel(), any::<[u64; 3]>()).prop_map(|(channel, words)| Request::Send(channel, words)),
        any::<[u64; 3]>().prop_map(Request::Broadcast),
        channel().prop_map(Request::Signal),
        proptest::option::of(channel()).prop_map(Request::Receive),
        Just(Request::Stop),
    ]
}

fn reports() -> impl Strategy<Value = Report> {
    prop_oneof![
        Just(Report::Sent),
        Just(Report::Busy),
        Just(Report::Refused),
        Just(Report::Unknown),
        Just(Report::Stopped),
        (channel(), any::<[u64; 3]>()).prop_map(|(channel, words)| Report::Message(channel, words)),
        channel().prop_map(Report::Signal),
    ]
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were_written(request in requests()) {
        let line = request.to_string();
        prop_assert!(line.len() <= LONGEST);
        prop_assert_eq!(line.parse(), Ok(request));
    }

    #[test]
    fn reports_are_read_as_they_were_written(report in reports()) {
        let line = report.to_string();
        prop_assert!(line.len() <= LONGEST);
        prop_assert_eq!(line.parse(), Ok(report));
    }
}

#[test]
fn numbers_are_decimal_or_hexadecimal() {
    assert_eq!(" send  7 1 0xFF 3 ".parse(), Ok(Request::Send(7, [1, 255, 3])));
    for wrong in
        ["", "send", "send 1 2 3", "send 1 2 3 4 5", "send 64 1 2 3", "send 1 -2 3 4", "send 1 +2 3 4", "stop 1"]
    {
        assert!(wrong.parse::<Request>().is_err(), "{wrong}");
    }
    for wrong in ["hello", "receive x", "receive 64", "receive 1 2", "signal", "signal 0x", "broadcast 1 2"] {
        assert!(wrong.parse::<Request>().is_err(), "{wrong}");
    }
    for wrong in ["", "sent 0", "message 1 2 3", "busy now", "unknown"] {
        assert!(wrong.parse::<Report>().is_err(), "{wrong}");
    }
}
