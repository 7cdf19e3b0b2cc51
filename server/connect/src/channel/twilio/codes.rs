//! What Twilio's error codes ask us to do. The same codes come with a refused request and, later,
//! with a status report. A code the table does not know is for good and for staff to look at:
//! Twilio splits codes and adds new ones without notice.

use super::RefusalCause;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeMeaning {
    Never(RefusalCause),
    /// May work later.
    Later,
}

pub fn meaning_of(code: i64) -> CodeMeaning {
    use CodeMeaning::{Later, Never};
    use RefusalCause::{
        BadAddress, Blocked, Content, Filtered, NotMobile, OptedOut, Permanent, SenderFault,
    };
    match code {
        // Recipient replied STOP, or the number was reassigned.
        21610 => Never(OptedOut),
        // Not a number / not a number that can be called / unknown or inactive number.
        21211 | 21217 | 21401 | 21421 | 30005 => Never(BadAddress),
        // Landline or unreachable carrier.
        21614 | 30006 => Never(NotMobile),
        // Credentials, account suspended or limited, sender not ours, not registered, trial account.
        20003
        | 20005
        | 20006
        | 20008
        | 21212
        | 21603
        | 21606
        | 21608
        | 21659..=21661
        | 21703
        | 21704
        | 30002
        | 30034
        | 30035 => Never(SenderFault),
        // No permission for that country, or a caller id or trial account that may not call: ours.
        21210 | 21215 | 21219 | 21408 => Never(SenderFault),
        // No body / body too long / bad characters.
        21602 | 21617 | 21619 | 21623 => Never(Content),
        // A carrier's spam filter: not the phone's fault, and worse with every further try.
        30007 => Never(Filtered),
        // Blocked by the person or the carrier, quiet hours, known litigator, pumping protection.
        30004 | 30410 | 30450 | 30610 | 30640 => Never(Blocked),
        // Cannot be routed to this carrier.
        21612 => Never(Permanent),
        // Too many requests, queue full, phone off, unknown carrier error, message expired in queue.
        10004 | 20429 | 14107 | 21611 | 30001 | 30003 | 30008 | 30036 => Later,
        _ => Never(Permanent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_nobody_has_seen_stops_the_message_and_asks_staff() {
        assert_eq!(meaning_of(99_999), CodeMeaning::Never(RefusalCause::Permanent));
    }

    /// Every code the reference names, and what it asks for (D-34, D-41, M25, M32).
    #[test]
    fn every_code_of_the_reference_does_what_it_says() {
        use RefusalCause::{
            BadAddress, Blocked, Content, Filtered, NotMobile, OptedOut, Permanent, SenderFault,
        };
        let table: &[(&[i64], CodeMeaning)] = &[
            (&[21610], CodeMeaning::Never(OptedOut)),
            (&[21211, 21217, 30005], CodeMeaning::Never(BadAddress)),
            (&[21614, 30006], CodeMeaning::Never(NotMobile)),
            (&[20003, 21212, 21606, 21608, 21408, 30002, 30034], CodeMeaning::Never(SenderFault)),
            (&[21617], CodeMeaning::Never(Content)),
            (&[30004, 30610, 30640, 30450], CodeMeaning::Never(Blocked)),
            (&[30007], CodeMeaning::Never(Filtered)),
            (&[21612], CodeMeaning::Never(Permanent)),
            (&[20429, 21611, 30001, 30003, 30008], CodeMeaning::Later),
        ];
        for (codes, meaning) in table {
            for code in *codes {
                assert_eq!(meaning_of(*code), *meaning, "{code}");
            }
        }
    }

    #[test]
    fn a_phone_that_is_off_is_tried_later_and_an_opted_out_one_never() {
        assert_eq!(meaning_of(30003), CodeMeaning::Later);
        assert_eq!(meaning_of(21610), CodeMeaning::Never(RefusalCause::OptedOut));
        assert_eq!(meaning_of(21614), CodeMeaning::Never(RefusalCause::NotMobile));
        assert_eq!(meaning_of(21211), CodeMeaning::Never(RefusalCause::BadAddress));
    }
}
