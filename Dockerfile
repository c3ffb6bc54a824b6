# An image with the static executable, a folder for the database, and one for temporary files; nothing else is in it.
# docs/guide/operating.md describes its use. .ci/empty-root runs the second stage without Docker.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --profile dist --config .cargo/static.toml --target "$(uname -m)-unknown-linux-gnu" \
    && mkdir -p /image/data /image/tmp \
    && chmod 1777 /image/tmp \
    && cp "target/$(uname -m)-unknown-linux-gnu/dist/cf-packages" /image/

FROM scratch
COPY --from=build --chown=65532:65532 /image /
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV CF_PACKAGES_LISTEN=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s CMD ["/cf-packages", "healthcheck"]
ENTRYPOINT ["/cf-packages"]
CMD ["serve"]
