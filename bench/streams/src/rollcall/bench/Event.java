package rollcall.bench;

/**
 * What the job needs of an input, packed: this goes through the re-key hop, and into the store where it has to wait.
 *
 * <p>A content is kind 1, then the texts text id, upload id, file name, correlation id, timestamp, traceparent. A
 * registration is kind 0, then correlation id, course code, class id, prompt reference (JSON), instructions,
 * timestamp, traceparent, the number of essay ids, the essay ids. A text that is absent is empty.
 */
final class Event {
    static final int REGISTRATION = 0;
    static final int CONTENT = 1;

    static final int TEXT_ID = 0;
    static final int UPLOAD_ID = 1;
    static final int FILE_NAME = 2;
    static final int CONTENT_CORRELATION = 3;
    static final int CONTENT_TIME = 4;
    static final int CONTENT_TRACE = 5;

    static final int CORRELATION = 0;
    static final int COURSE = 1;
    static final int CLASS = 2;
    static final int PROMPT = 3;
    static final int INSTRUCTIONS = 4;
    static final int TIME = 5;
    static final int TRACE = 6;
    private static final int SLOTS = 7;

    private Event() {}

    static int kind(byte[] event) {
        return Pack.getInt(event, 0);
    }

    /** Where the text number {@code index} of an event that begins at {@code from} begins. */
    static int place(byte[] event, int from, int index) {
        int at = from + 4;
        for (int i = 0; i < index; i++) {
            at = Pack.skip(event, at);
        }
        return at;
    }

    static byte[] text(byte[] event, int index) {
        return Pack.textAt(event, place(event, 0, index));
    }

    static int slots(byte[] registration) {
        return Pack.getInt(registration, place(registration, 0, SLOTS));
    }

    static int firstEssay(byte[] registration) {
        return place(registration, 0, SLOTS) + 4;
    }
}
