"""What customers write: short sentences by theme, content or not."""

from __future__ import annotations

from typing import Final

THEMES: Final = ("clarity", "tone", "speed", "trust", "accuracy", "effort", "intrusiveness")

NEGATIVE: Final = {
    "clarity": (
        "I did not understand what you wanted from me.",
        "The instructions were confusing.",
        "It was not clear what happens next.",
        "I still do not know which plan I am on.",
        "The wording left me guessing.",
        "What does indirect light even mean here?",
        "The explanation made no sense to me.",
        "Unclear from start to finish.",
    ),
    "tone": (
        "The reply felt cold.",
        "I was talked down to.",
        "It sounded like a script, nobody listened.",
        "A bit of kindness would have helped.",
        "The cheerful jokes were out of place while my plant was dying.",
        "Rude answer, frankly.",
    ),
    "speed": (
        "I waited far too long.",
        "It took days to get an answer.",
        "So slow that I sorted it out myself.",
        "The page took ages.",
        "Still waiting for a reply.",
        "By the time you wrote back the fern was gone.",
    ),
    "trust": (
        "I am not sure I can believe what it says.",
        "I do not trust a bot with my orchids.",
        "The price changed at the end, that felt dishonest.",
        "You promised a call and nobody rang.",
        "I no longer feel in good hands.",
    ),
    "accuracy": (
        "The answer was simply wrong.",
        "It told me to water a cactus every day.",
        "That was the answer to a different question.",
        "It closed the chat without solving anything.",
        "It keeps recommending plants that are toxic to cats.",
        "You sent the wrong pot.",
        "The advice was incorrect and I had to ask again.",
    ),
    "effort": (
        "Far too many steps.",
        "I had to measure the light in three rooms before I could go on.",
        "I gave up halfway through.",
        "Why do I have to type all of this on a phone?",
        "I had to explain everything twice.",
        "The form threw away what I had filled in.",
        "This was hard work.",
        "It asks for things I cannot look up on the train.",
    ),
    "intrusiveness": (
        "Why do you need to know how many people live here?",
        "It felt like you were watching me.",
        "I get too many messages from you.",
        "How did you know that I was away?",
        "That question was too personal.",
    ),
}

POSITIVE: Final = {
    "clarity": (
        "Everything was clearly explained.",
        "I knew right away which plan suits me.",
        "Easy to understand, no small print.",
        "The steps were clear.",
        "Now I finally know what each plan costs.",
    ),
    "tone": (
        "Such a friendly answer.",
        "I felt listened to.",
        "Warm and patient, thank you.",
        "You wrote like a person, I liked that.",
    ),
    "speed": (
        "Got an answer within minutes.",
        "That was quick.",
        "The box came a day early.",
        "Fast and painless.",
    ),
    "trust": (
        "I know I can rely on you.",
        "Honest advice, even against a sale.",
        "You keep your promises.",
        "I feel in good hands.",
    ),
    "accuracy": (
        "The advice was spot on.",
        "Exactly the right plant for the corner.",
        "It recognised the pest at once.",
        "My fern recovered, just as you said.",
    ),
    "effort": (
        "That was easy.",
        "Two taps and done.",
        "No hassle at all.",
        "I did not have to repeat anything.",
    ),
    "intrusiveness": (
        "You only ask what you need, thank you.",
        "Just the right number of messages.",
        "Good that I can switch the questions off.",
    ),
}

OPENERS: Final = {
    "negative": ("", "", "", "Sorry, but: ", "Honestly? ", "Disappointed. ", "Hm. ", "Not good. "),
    "positive": ("", "", "", "Lovely. ", "Great! ", "Thanks! ", "Really happy. "),
}
CLOSERS: Final = {
    "negative": (
        "",
        "",
        "",
        "",
        " Please fix this.",
        " Will think about whether I stay.",
        " Not again.",
    ),
    "positive": ("", "", "", "", " Keep it up.", " My monstera says hello.", " Recommended."),
}
REACH_ME: Final = (
    " You can write to me at robin@mail.example.",
    " My address is k.devries@home.example.",
    " Call me or mail sam@post.example.",
)

#: What people write about where, in shares; the rest of the themes share what is left.
ABOUT: Final = {
    "onboarding_form": {"effort": 0.3, "clarity": 0.25},
    "chatbot": {"speed": 0.28, "accuracy": 0.24, "tone": 0.16},
    "recommendations": {"accuracy": 0.3, "trust": 0.2, "intrusiveness": 0.2},
    "pricing_page": {"clarity": 0.4, "trust": 0.3},
    "email_support": {"speed": 0.3, "tone": 0.3},
    "phone": {"speed": 0.3, "tone": 0.3},
}
#: The same of unhappy people after a release.
ABOUT_NEW_FORM: Final = {"effort": 0.55, "clarity": 0.33}
ABOUT_NEW_BOT: Final = {"accuracy": 0.55, "effort": 0.2, "speed": 0.02}
