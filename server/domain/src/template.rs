//! What a practice's messages say: kinds of messages, and the forms they come in.

mod kind;

pub use kind::{Form, Kind};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_a_kind_or_a_form_leads_back_to_it() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
            assert!(!kind.forms().is_empty());
        }
        for form in Form::ALL {
            assert_eq!(Form::parse(form.as_str()), Some(*form));
        }
        assert_eq!((Kind::parse("reminder"), Form::parse("sms")), (None, None));
    }
}
